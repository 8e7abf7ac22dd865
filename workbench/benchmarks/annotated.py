"""A benchmark that was read from annotation files: its samples, and remarks about the files."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.data.errors import ConfigurationError
from workbench.data.remarks import Remark
from workbench.data.samples import Sample


@dataclass
class Annotated:
    """A benchmark that is read from annotation files.

    `files`: all files that decide what is asked and what is right. `images`: the folder that image paths start from.
    `read` returns the samples, numbered in reading order from 0, at once or one after the other. `facts` are part of
    the identity, beside the digest of the files. `remarks` returns what is wrong with the files, apart from the
    problems of single samples.
    """

    name: str
    protocol: str
    files: tuple[Path, ...]
    images: Path
    read: Callable[[], Iterable[Sample]]
    facts: dict[str, Any] = field(default_factory=dict)
    remarks: Callable[[], list[Remark]] = list

    @property
    def annotations(self) -> Path:
        """The first of the files."""
        return self.files[0]

    def identity(self) -> dict[str, Any]:
        """`facts` and a digest of the annotation files; `ConfigurationError` where one of them cannot be read."""
        from workbench.data.digests import digest, file_digest

        try:
            digests = [file_digest(file) for file in self.files]
        except OSError as error:
            raise ConfigurationError(f"an annotation file of {self.name} cannot be read: {error}") from error
        return {**self.facts, "digest": digests[0] if len(digests) == 1 else digest(digests)}

    def samples(self) -> Iterable[Sample]:
        """All samples; an error in one of them is its `problem`."""
        return self.read()

    def image_root(self) -> Path:
        """The folder that image paths start from."""
        return self.images
