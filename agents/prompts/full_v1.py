"""Texts for general chat models. They state the rules of the SAM 3 agent (facebookresearch/sam3) in our own words."""

from pathlib import Path

from agents.prompts.texts import Prompts

_HERE = Path(__file__).parent

PROMPTS = Prompts(
    version="full-v1",
    system=(_HERE / "full_v1_system.txt").read_text(encoding="utf-8").strip(),
    query='This is the original image. Find the masks for this query: "{query}"',
    query_used=(
        'This is the original image. Find the masks for this query: "{query}"\n'
        "These phrases have been used and must not be used again: {used}."
    ),
    masks_shown=(
        "The phrase gave {count} mask(s), numbered 1 to {count} in the picture below. "
        'Judge them by the query "{query}" in the original image, then call exactly one tool.'
    ),
    no_masks=(
        'The phrase "{phrase}" gave no masks. Try a different one, more general or with another name for what '
        'the query "{query}" asks for, and call segment_phrase again.'
    ),
    duplicate=(
        'The phrase "{phrase}" has been used before, so it was not run again. Used so far: {used}. '
        "Choose a phrase that is not among them, or another tool."
    ),
    duplicate_shown=(
        'The phrase "{phrase}" has been used before, so it was not run again. Used so far: {used}. '
        "The {count} current mask(s) are shown again below. Choose a phrase that is not among them, or another tool."
    ),
    masks_moved="The masks were shown here. They have been examined one by one; see below for those that are left.",
    masks_left=(
        "After the check {count} mask(s) are left, with new numbers 1 to {count} in the picture below; earlier numbers "
        'no longer hold. Judge them by the query "{query}" in the original image, then call exactly one tool.'
    ),
    none_left=(
        'The check rejected every mask for the query "{query}". Call segment_phrase with another phrase, or '
        "report_no_mask if nothing in the image can be meant."
    ),
    mask_line="{number}: centre at column {x}, row {y} of 8 x 8 (from 0 at the top left), {percent:.1f} % of the image",
    mistake="{problem} Think again and write exactly one call between <tool> and </tool>.",
    checking=(_HERE / "full_v1_checking.txt").read_text(encoding="utf-8").strip(),
    check_image="The original image:",
    check_query='The query: "{query}"',
    check_mask="The original image with the mask to be checked:",
    check_zoom="The mask and its surroundings, zoomed:",
    verdict_mistake="{problem} Write <verdict>Accept</verdict> or <verdict>Reject</verdict>.",
)
