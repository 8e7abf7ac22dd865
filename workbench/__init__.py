"""Compares ways of segmenting what an instruction asks for: single pass against agent.

Everything that a notebook or the author of a plugin needs can be imported from here; `dir(workbench)` lists it. What a
system, benchmark, segmenter, metric set or other plugin must provide is in `workbench/plugins/interfaces.py`.
"""

import logging
from typing import TYPE_CHECKING, Any

# transformers imports torchao where it is there, and both then complain about what is of no use on this machine
for _name in ("torchao", "torch.utils._pytree"):
    logging.getLogger(_name).setLevel(logging.ERROR)

if TYPE_CHECKING:
    from workbench.asking.answer import Answer as Answer
    from workbench.asking.answer import Answers as Answers
    from workbench.asking.api import ask as ask
    from workbench.asking.api import load as load
    from workbench.comparison.api import compare as compare
    from workbench.comparison.api import make_benchmark as make_benchmark
    from workbench.comparison.api import make_segmenter as make_segmenter
    from workbench.comparison.api import make_system as make_system
    from workbench.data import masks as masks
    from workbench.data.conditions import Conditions as Conditions
    from workbench.data.digests import digest as digest
    from workbench.data.digests import file_digest as file_digest
    from workbench.data.errors import ConfigurationError as ConfigurationError
    from workbench.data.errors import SampleError as SampleError
    from workbench.data.masks import Rle as Rle
    from workbench.data.metric_info import MetricInfo as MetricInfo
    from workbench.data.metric_info import describe as describe
    from workbench.data.notes import Note as Note
    from workbench.data.predictions import Call as Call
    from workbench.data.predictions import Candidate as Candidate
    from workbench.data.predictions import Instance as Instance
    from workbench.data.predictions import Prediction as Prediction
    from workbench.data.predictions import Trace as Trace
    from workbench.data.samples import Reading as Reading
    from workbench.data.samples import Sample as Sample
    from workbench.data.samples import SceneObject as SceneObject
    from workbench.metrics.overlaps import SampleOverlap as SampleOverlap
    from workbench.metrics.overlaps import overlaps as overlaps
    from workbench.metrics.pooled import weighted_mean as weighted_mean
    from workbench.plugins.details import details as details
    from workbench.plugins.interfaces import BatchSegmenter as BatchSegmenter
    from workbench.plugins.interfaces import Benchmark as Benchmark
    from workbench.plugins.interfaces import Generated as Generated
    from workbench.plugins.interfaces import Image as Image
    from workbench.plugins.interfaces import MetricSet as MetricSet
    from workbench.plugins.interfaces import PhraseMasks as PhraseMasks
    from workbench.plugins.interfaces import Recipe as Recipe
    from workbench.plugins.interfaces import Reporter as Reporter
    from workbench.plugins.interfaces import Segmenter as Segmenter
    from workbench.plugins.interfaces import Server as Server
    from workbench.plugins.interfaces import Streaming as Streaming
    from workbench.plugins.interfaces import System as System
    from workbench.plugins.interfaces import reads_files as reads_files
    from workbench.plugins.marks import generated_by as generated_by
    from workbench.plugins.marks import needs as needs
    from workbench.plugins.marks import tried_by as tried_by
    from workbench.plugins.options import APART as APART
    from workbench.plugins.options import identity_of as identity_of
    from workbench.plugins.perturbations import Question as Question
    from workbench.plugins.perturbations import axis as axis
    from workbench.plugins.perturbations import generated_axis as generated_axis
    from workbench.plugins.values import Above as Above
    from workbench.plugins.values import AtLeast as AtLeast
    from workbench.plugins.values import Holds as Holds
    from workbench.plugins.values import OneOf as OneOf
    from workbench.plugins.values import PluginName as PluginName
    from workbench.plugins.values import Range as Range
    from workbench.runs.run import Run as Run
    from workbench.stress.api import sweep as sweep
    from workbench.tracking.load import load_run as load_run
    from workbench.tracking.load import load_runs as load_runs

__version__ = "0.2.0"

_HOMES = {
    "asking.answer": "Answer Answers",
    "asking.api": "ask load",
    "comparison.api": "compare make_benchmark make_segmenter make_system",
    "data.conditions": "Conditions",
    "data.digests": "digest file_digest",
    "data.errors": "ConfigurationError SampleError",
    "data.masks": "Rle",
    "data.metric_info": "MetricInfo describe",
    "data.notes": "Note",
    "data.predictions": "Call Candidate Instance Prediction Trace",
    "data.samples": "Reading Sample SceneObject",
    "metrics.overlaps": "SampleOverlap overlaps",
    "metrics.pooled": "weighted_mean",
    "plugins.details": "details",
    "plugins.interfaces": "BatchSegmenter Benchmark Generated Image MetricSet PhraseMasks Recipe Reporter "
    "Segmenter Server Streaming System reads_files",
    "plugins.marks": "generated_by needs tried_by",
    "plugins.options": "APART identity_of",
    "plugins.perturbations": "Question axis generated_axis",
    "plugins.values": "Above AtLeast Holds OneOf PluginName Range",
    "runs.run": "Run",
    "stress.api": "sweep",
    "tracking.load": "load_run load_runs",
}
_FOUND_IN = {name: f"workbench.{home}" for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted([*_FOUND_IN, "masks"])


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package costs nothing."""
    from importlib import import_module

    if name == "masks":
        return import_module("workbench.data.masks")
    if name not in _FOUND_IN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_FOUND_IN[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
