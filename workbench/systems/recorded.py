"""Answers from a file as a system, so that a system that ran elsewhere can be compared with those that run here."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from workbench.data.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.data.predictions import Prediction
    from workbench.data.samples import Sample
    from workbench.plugins.interfaces import Image


class RecordedAnswers:
    """Returns for each sample the answer that a file has for it; see `workbench.systems.prediction_files` for its
    layout. COCO's results (`workbench.systems.coco_results`) answer every sample, some with no instance.

    Sample ids are those of the benchmark: positions in the annotation file, for the readers of this package. Raises
    `ConfigurationError` for a file that cannot be read or that has two answers to one sample. A faulty or missing
    answer is the failure of its sample.
    """

    batch_size = 64
    timed = False

    def __init__(self, file: Path, missing_as_empty: bool = False) -> None:
        from workbench.data.digests import file_digest
        from workbench.systems.coco_results import is_results, read_results
        from workbench.systems.prediction_files import read_records

        self.file, self.missing_as_empty = file, missing_as_empty
        self.results = read_results(file) if is_results(file) else None
        self.records = {} if self.results is not None else read_records(file)
        self.digest = file_digest(file)

    def identity(self) -> dict[str, Any]:
        """Name and digest of the file, and how a missing answer counts."""
        return {
            "system": "predictions",
            "file": self.file.name,
            "digest": self.digest,
            "missing_as_empty": self.missing_as_empty,
        }

    def predict(self, samples: Sequence["Sample"], images: Sequence["Image"]) -> list["Prediction"]:
        """One prediction per sample, in order; images are not looked at."""
        return [self._answer(sample) for sample in samples]

    def check_samples(self, samples: Sequence["Sample"]) -> None:
        """Raises `ConfigurationError` for an answer to something that is none of these samples."""
        from workbench.systems.prediction_files import unknown_sample

        if self.results is not None:
            self.results.check_samples(samples)
        known = {sample.sample_id: sample for sample in samples}
        for name, (line, _) in self.records.items():
            if name not in known:
                raise ConfigurationError(f"{self.file}: line {line}: sample {name!r}: {unknown_sample(known)}")

    def _answer(self, sample: "Sample") -> "Prediction":
        from workbench.data.errors import SampleError
        from workbench.data.predictions import CRASHED, Prediction
        from workbench.systems.prediction_files import prediction

        try:
            if self.results is not None:
                return self.results.prediction(sample)
            if sample.sample_id in self.records:
                line, record = self.records[sample.sample_id]
                return prediction(record, {sample.sample_id: sample}, f"{self.file}: line {line}")
        except SampleError as error:
            return Prediction(sample.sample_id, outcome=CRASHED, message=str(error))
        if self.missing_as_empty:
            return Prediction(sample.sample_id)
        return Prediction(sample.sample_id, outcome=CRASHED, message=f"{self.file} has no answer to this sample")


def predictions(
    file: Annotated[str, "The file; it has to be given."] = "",
    missing_as_empty: Annotated[bool, "A sample without an answer has no instance, in place of a failure."] = False,
) -> RecordedAnswers:
    """Answers that were made elsewhere, from a file as `workbench score` takes it; they have no latency."""
    if not file:
        raise ConfigurationError(
            "predictions: which file? Give it with --set predictions.file=FILE, or as --set mine.file=FILE where "
            "--systems calls it mine"
        )
    return RecordedAnswers(Path(file), missing_as_empty)
