"""The agent's own parameters, and the two sets of them that are in use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """The agent's own parameters; all of them are part of a system's identity.

    max_generations: rounds after the first request, as in the SAM 3 agent; checks of single masks do not count.
    max_mistakes: replies in a row that cannot be carried out before the sample ends.
    max_tokens: limit of one reply.
    time_limit: seconds for one sample.
    request_timeout: seconds for one request, after which it counts as failed.
    retries: how often a request that failed for a passing reason (busy, broken off, no answer) is sent again.
    temperature: of sampling; None leaves it to the server, as the SAM 3 agent does.
    checks: whether `examine_each_mask` may be called.
    overlap: intersection over the smaller area above which the mask with the lower score is suppressed.
    describe_masks: list number, place and size of the masks as text.
    fill: opacity of a mask's fill in pictures.
    min_side: pictures of masks are enlarged where their shorter side is below this, in pixels.
    zoom_side: longer side of each panel of a zoomed pair, in pixels.
    """

    max_generations: int = 100
    max_mistakes: int = 3
    max_tokens: int = 4096
    time_limit: float = 600.0
    request_timeout: float = 600.0
    retries: int = 2
    temperature: float | None = None
    checks: bool = True
    overlap: float = 0.3
    describe_masks: bool = False
    fill: float = 0.15
    min_side: int = 0
    zoom_side: int = 320


PUBLISHED = Options(min_side=448)
"""As in the SAM 3 agent; pictures of masks are enlarged only where numbers would not be legible."""
TINY = Options(
    max_generations=6,
    max_tokens=128,
    time_limit=60.0,
    request_timeout=20.0,
    temperature=0.0,
    describe_masks=True,
    zoom_side=128,
)
"""For the tiny checkpoints: what they were fine-tuned with."""
