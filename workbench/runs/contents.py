"""The parsed contents of a run folder; each file is parsed once."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.data.samples import Sample

if TYPE_CHECKING:
    from workbench.metrics.overlaps import SampleOverlap
    from workbench.runs.answers import StoredAnswers


@dataclass
class Contents:
    """The parsed parts of a run, by file or folder. A `Run` and its copies share them."""

    samples: dict[Path, list[Sample]] = field(default_factory=dict)
    stored: "dict[Path, StoredAnswers]" = field(default_factory=dict)
    overlaps: "dict[Path, list[SampleOverlap]]" = field(default_factory=dict)
    by_id: "dict[Path, dict[str, SampleOverlap]]" = field(default_factory=dict)
    """overlaps by sample id"""
