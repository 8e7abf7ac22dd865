"""Short texts, of a few tokens each, for the tiny language model, which has learned the task in its fine-tuning."""

from agents.prompts.texts import Prompts

PROMPTS = Prompts(
    version="tiny-v1",
    system="Find.",
    query="{query}",
    query_used="{query}\nused: {used}",
    masks_shown="{count} masks",
    no_masks="0 masks",
    duplicate="used: {used}",
    duplicate_shown="used: {used}\n{count} masks",
    masks_moved="checked",
    masks_left="{count} left",
    none_left="0 left",
    mask_line="{number} {x} {y}{size}",
    mistake="error: {kind}",
    checking="Check.",
    check_image="",
    check_query="{query}",
    check_mask="",
    check_zoom="",
    verdict_mistake="error: no verdict",
)
