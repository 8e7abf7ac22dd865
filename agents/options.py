"""The agent's options, and the two presets that are in use."""

from dataclasses import dataclass
from typing import Annotated

from workbench.foundations.devices import AUTO, CPU, Device
from workbench.foundations.sam3.resizing import RESIZINGS
from workbench.plugins.options import APART, Above, AtLeast, OneOf, PluginName, Range


@dataclass(frozen=True)
class Options:
    """The choices that decide how the agent works on a sample. All of them are part of the system's identity."""

    max_generations: Annotated[int, AtLeast(0)] = 100
    """Rounds after the first request, as in the SAM 3 agent; checks of single masks do not count."""
    max_mistakes: Annotated[int, AtLeast(1)] = 3
    """Replies in a row that cannot be carried out before the sample ends."""
    max_tokens: Annotated[int, AtLeast(1)] = 4096
    """Tokens of one reply, at most."""
    time_limit: Annotated[float, Above(0)] = 600.0
    """Seconds for one sample."""
    request_timeout: Annotated[float, Above(0)] = 600.0
    """Seconds for one request, after which it counts as failed."""
    retries: Annotated[int, AtLeast(0)] = 2
    """How often a request that failed for a passing reason (busy, broken off, no answer) is sent again."""
    temperature: Annotated[float | None, AtLeast(0)] = None
    """Temperature of sampling; none leaves it to the server, as the SAM 3 agent does."""
    checks: bool = True
    """Whether the model may have masks checked one by one (the tool `examine_each_mask`)."""
    threshold: Annotated[float, Range(0, 1), APART] = 0.0
    """Score that a selected mask has to exceed to be answered; the segmenter has a threshold of its own before it."""
    overlap: Annotated[float, Range(0, 1)] = 0.3
    """Intersection over the smaller area above which the mask with the lower score is suppressed."""
    describe_masks: bool = False
    """Also list number, place and size of the masks as text."""
    fill: Annotated[float, Range(0, 1)] = 0.15
    """Opacity of a mask's fill in pictures."""
    min_side: Annotated[int, AtLeast(0)] = 0
    """Pictures of masks are enlarged where their shorter side is below this, in pixels."""
    zoom_side: Annotated[int, AtLeast(1)] = 320
    """Longer side of each panel of a zoomed pair, in pixels."""
    max_side: Annotated[int | None, AtLeast(64), APART] = None
    """Longer side of a picture of the whole image, in pixels, at most; none: the size of the image."""


@dataclass(frozen=True)
class AgentOptions(Options):
    """All options of the agent as a system: the agent's own, and the parts it is made of. The identities of these parts
    record the rest.
    """

    segmenter: Annotated[str, PluginName("segmenters"), APART] = "sam3"
    """Name of a segmenter."""
    segmenter_checkpoint: Annotated[str, APART] = ""
    """Folder or hub name of the segmenter's weights; empty: its own."""
    segmenter_revision: Annotated[str, APART] = ""
    """Commit, branch or tag of a hub name of the segmenter's weights; empty: the newest."""
    segmenter_threshold: Annotated[float | None, Range(0, 1), APART] = None
    """Score that a mask has to exceed to be shown to the language model; none: the segmenter's own."""
    segmenter_device: Annotated[str | None, Device(), APART] = None
    """Where the segmenter runs; none: on `device`."""
    resize: Annotated[str | None, OneOf(*RESIZINGS), APART] = None
    """What the segmenter interpolates to the size of the image; none: as it does by itself."""
    checkpoint: Annotated[str, APART] = ""
    """Folder or hub name of a Qwen3-VL model that runs in this process, in place of an endpoint; decoded greedily."""
    revision: Annotated[str, APART] = ""
    """Commit, branch or tag of a hub name of this model; empty: the newest."""
    endpoint: Annotated[str, APART] = ""
    """Address of an OpenAI-compatible server, or addresses of several that serve one model, separated by commas."""
    model: Annotated[str, APART] = ""
    """Name of a model that the server has."""
    prompts: Annotated[str, OneOf("full-v1", "tiny-v1"), APART] = "full-v1"
    """Version of the texts."""
    device: Annotated[str, Device(), APART] = AUTO
    """Where the segmenter and a checkpoint run; auto: on a GPU where torch sees one, else on the CPU."""
    concurrency: Annotated[int, AtLeast(1), APART] = 16
    """Requests at once to each endpoint; in throughput mode, so many samples are open for each."""
    canary: Annotated[bool, APART] = True
    """Before the first sample, find an endpoint that answers about pictures of other requests: 24 small requests."""
    picture_format: Annotated[str, OneOf("png", "bmp", "jpeg"), APART] = "png"
    """How pictures are sent to an endpoint: png and bmp without loss, bmp without compression; jpeg is small."""


PUBLISHED = AgentOptions(min_side=448, endpoint="http://localhost:8001/v1", model="Qwen/Qwen3-VL-8B-Thinking")
"""As in the SAM 3 agent; pictures of masks are enlarged only where numbers would not be legible."""
TINY = AgentOptions(
    max_generations=6,
    max_tokens=128,
    time_limit=60.0,
    request_timeout=20.0,
    temperature=0.0,
    describe_masks=True,
    zoom_side=128,
    segmenter="sam3-tiny",
    prompts="tiny-v1",
    device=CPU,
)
"""For the tiny checkpoints: what they were fine-tuned with."""
