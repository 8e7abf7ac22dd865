"""How the published InstructSAM is asked on each benchmark, and which score its answers have to exceed.

Read off the reference's evaluation scripts (DCDmllm/InstructSAM, arXiv 2605.26102): `eval_inst2seg.py`, which scores
GSEval too, `eval_refcoco_ap.py` for gRefCOCO, `eval_reasonseg.py` and `eval_roborefit.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from e2e.options import INSTRUCTION, SUFFIX
from workbench.data.errors import ConfigurationError
from workbench.data.samples import Sample


@dataclass(frozen=True)
class Protocol:
    """`prompts` by a sample's kind; the one for `None` is for all kinds that are not named."""

    threshold: float
    prompts: Mapping[str | None, str]

    def prompt(self, sample: Sample) -> str:
        """What the model is asked about a sample. A suffix that the instruction ends with is not said twice."""
        template = self.prompts.get(sample.kind, self.prompts[None])
        suffix = template.removeprefix(INSTRUCTION)
        if suffix != template and sample.instruction.endswith(suffix):
            return sample.instruction
        return template.replace(INSTRUCTION, sample.instruction)

    def identity(self) -> dict[str, Any]:
        """Its threshold and prompts."""
        prompts = {kind or "other": text for kind, text in self.prompts.items()}
        return {"threshold": self.threshold, "prompt": prompts if len(prompts) > 1 else self.prompts[None]}


GENERAL = Protocol(0.3, {None: SUFFIX})
PUBLISHED = {
    "inst2seg": GENERAL,
    "gseval": GENERAL,
    "grefcoco": Protocol(0.3, {None: f"Can you segment '{INSTRUCTION}' in the image?"}),
    "reasonseg": Protocol(0.3, {None: SUFFIX, "short": f"Please segment the '{INSTRUCTION}' in the image."}),
    "roborefit": Protocol(0.5, {None: SUFFIX}),
}
"""By name of the benchmark."""


def protocol_of(benchmark: str) -> Protocol:
    """The published protocol of a benchmark; raises `ConfigurationError` for one that it was not evaluated on."""
    if benchmark not in PUBLISHED:
        raise ConfigurationError(
            f"protocol=published: InstructSAM was published with none for {benchmark}, only for "
            f"{', '.join(PUBLISHED)}; leave it out, and set prompt and threshold where the defaults do not suit"
        )
    return PUBLISHED[benchmark]
