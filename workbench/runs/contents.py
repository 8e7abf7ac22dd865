"""The parsed contents of a run folder; each file is parsed once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.predictions import Prediction
from workbench.data.samples import Sample

if TYPE_CHECKING:
    from workbench.metrics.overlaps import SampleOverlap

_OWN = {field.name for field in fields(Prediction)}


@dataclass(frozen=True)
class Stored:
    """A prediction as it is stored. `about` has what is stored beside it: digests, seconds and the like."""

    prediction: Prediction
    about: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        """The sample's share of the time that the system worked."""
        return float(self.about.get("seconds", 0.0))

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Stored":
        """Rebuild from a line of the store; raises `KeyError` or `TypeError` for anything else."""
        about = {key: value for key, value in record.items() if key not in _OWN}
        return cls(Prediction.from_json(record), about)

    def to_json(self) -> dict[str, Any]:
        """The line of the store, in plain JSON types."""
        return {**self.prediction.to_json(), **self.about}


@dataclass
class Contents:
    """The parsed parts of a run, by file or folder. A `Run` and its copies share them."""

    samples: dict[Path, list[Sample]] = field(default_factory=dict)
    stored: dict[Path, list[Stored]] = field(default_factory=dict)
    overlaps: "dict[Path, list[SampleOverlap]]" = field(default_factory=dict)
