"""Digests of the images of a run."""

from pathlib import Path

from workbench.data.digests import file_digest


class ImageDigests(dict[Path, str | None]):
    """Digest of an image file, None where it cannot be read; every file is read once."""

    def __missing__(self, path: Path) -> str | None:
        try:
            self[path] = file_digest(path)
        except OSError:
            self[path] = None
        return self[path]
