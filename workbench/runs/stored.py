"""A prediction as it is stored, with what the store keeps beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from workbench.data.predictions import Prediction
from workbench.data.traces import TRACE, unpacked

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
    def from_json(cls, record: Mapping[str, Any], traces: bool = True) -> "Stored":
        """Rebuild from a line of the store; raises `KeyError`, `TypeError` or `SampleError` for anything else. Without
        `traces`, a packed trace stays packed: the notes of calls lack what was said."""
        record = unpacked(record) if traces else {key: value for key, value in record.items() if key != TRACE}
        about = {key: value for key, value in record.items() if key not in _OWN}
        return cls(Prediction.from_json(record), about)

    def to_json(self) -> dict[str, Any]:
        """The line of the store, in plain JSON types."""
        return {**self.prediction.to_json(), **self.about}
