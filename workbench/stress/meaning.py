"""Which English instructions keep their answer when the picture is turned, or when a target is taken away."""

import re

_PLACE = re.compile(
    r"\b(left|right|top|bottom|above|below|under|underneath|over|upper|lower|up|down|beneath|higher|highest|lowest|"
    r"(left|right|top|bottom|upper|lower)most|vertical|horizontal|row|column|corner|north|south|east|west|upright|"
    r"standing|lying)\b",
    re.IGNORECASE,
)
_COMPARING = re.compile(
    r"\b(\w+est|\w+most|most|least|first|second|third|fourth|fifth|last|only|both|one|two|three|four|five|six|seven|"
    r"eight|nine|ten|exactly|fewer|more|than|between|next|near|nearest|closest|farthest|except|but|other|not|if|\d+)\b",
    re.IGNORECASE,
)


def depends_on_place(instruction: str) -> bool:
    """Whether an instruction names a side or a direction of the picture."""
    return bool(_PLACE.search(instruction))


def depends_on_company(instruction: str) -> bool:
    """Whether an instruction compares, counts or excludes, so that another object may answer it when one is gone."""
    return depends_on_place(instruction) or bool(_COMPARING.search(instruction))
