"""Checkpoint folders: which files are weights, whether they are there, and a digest that identifies them."""

import hashlib
from pathlib import Path

from workbench.errors import ConfigurationError


def digest(checkpoint: str | Path) -> str:
    """First 16 hex digits of SHA-256 over a folder's weights and configuration; a hub name stands for itself.

    Raises `ConfigurationError` for a folder without safetensors weights or configuration.
    """
    folder = Path(checkpoint)
    if not folder.exists():
        if isinstance(checkpoint, Path) or checkpoint.startswith((".", "/", "~")):
            raise ConfigurationError(f"checkpoint folder not found: {checkpoint}")
        return f"hub:{checkpoint}"
    files = sorted([*folder.rglob("*.safetensors"), *folder.rglob("*.json")])
    if not any(file.suffix == ".safetensors" for file in files):
        pickles = ", ".join(sorted(p.name for p in folder.glob("*.bin")))
        found = f"; found only {pickles}, which is never loaded" if pickles else ""
        raise ConfigurationError(f"no weights (*.safetensors) in checkpoint folder {checkpoint}{found}")
    if not (folder / "config.json").exists():
        raise ConfigurationError(f"no config.json in checkpoint folder {checkpoint}")
    total = hashlib.sha256()
    for file in files:
        total.update(file.relative_to(folder).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()[:16]
