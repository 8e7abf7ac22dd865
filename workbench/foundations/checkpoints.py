"""Checkpoint folders: where they are, whether they hold exactly the expected tensors, and a digest that identifies
them. Nothing is unpickled.
"""

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from workbench.data.errors import ConfigurationError

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
DOWNLOADED = ["*.json", "*.safetensors", "*.txt", "*.jinja"]
"""Files of a hub checkpoint that are fetched: never pickles or code."""
SHOWN = 5
FLOATS = ("F16", "BF16", "F32", "F64")
"""Types of weights, as safetensors calls them."""


@dataclass(frozen=True)
class Found:
    """A checkpoint on this machine: its folder, the name to show for it, and for a hub name the revision (commit) that
    the folder holds."""

    folder: Path
    name: str
    revision: str = ""

    @property
    def digest(self) -> str:
        """What identifies its content: a digest of a folder, name and commit of the hub's."""
        return f"hub:{self.name}@{self.revision}" if self.revision else digest(self.folder)


def find(checkpoint: str | Path, revision: str = "") -> Found:
    """A checkpoint by folder or hub name. A hub name is looked up in the local cache, and downloaded where the cache
    lacks it; `revision` is a commit, branch or tag there, and without it the newest commit, or offline the newest that
    the cache has.

    Raises `ConfigurationError` as `locate`, and for a revision of a folder.
    """
    folder = Path(checkpoint).expanduser()
    if not folder.is_dir():
        snapshot = locate(checkpoint, revision)
        return Found(snapshot, str(checkpoint), snapshot.name)
    if revision:
        raise ConfigurationError(
            f"revision: expected none, as {checkpoint} is a folder, got {revision!r}: only a hub name has revisions"
        )
    return Found(folder, folder.name)


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
        instead = f"; found only {pickles}, which is never loaded" if pickles else ""
        raise ConfigurationError(f"no weights (*.safetensors) in checkpoint folder {checkpoint}{instead}")
    if not (folder / "config.json").exists():
        raise ConfigurationError(f"no config.json in checkpoint folder {checkpoint}")
    total = hashlib.sha256()
    for file in files:
        total.update(file.relative_to(folder).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()[:16]


def locate(checkpoint: str | Path, revision: str = "") -> Path:
    """The local folder of a checkpoint, downloaded first where a hub name is given (at a commit, branch or tag).

    Raises `ConfigurationError` where it cannot be found, has no weights, or has only pickled ones.
    """
    folder = Path(checkpoint).expanduser()
    if not folder.is_dir():
        folder = _download(checkpoint, revision)
    if not weight_files(folder):
        pickles = sorted(file.name for file in folder.iterdir() if file.suffix in PICKLES)
        if pickles:
            raise ConfigurationError(
                f"{folder}: {', '.join(pickles)} is a pickle, which is never loaded; save the weights as safetensors"
            )
        raise ConfigurationError(f"no weights (model.safetensors) in checkpoint folder {folder}")
    return folder


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that make up the weights; empty where there are none. Raises `ConfigurationError` for a
    shard that the index names and the folder lacks."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        single = folder / "model.safetensors"
        return [single] if single.exists() else []
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        files = [folder / name for name in names]
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{index} is no index of safetensors files: {type(error).__name__}: {error}"
        ) from error
    for file in files:
        if not file.exists():
            raise ConfigurationError(f"{folder}: {index.name} names {file.name}, which is not there")
    return files


def tensor_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors, read from the files' headers."""
    return {name: shape for name, (shape, _) in _headers(folder).items()}


def weight_types(folder: Path) -> set[str]:
    """The types of the floating-point tensors, as safetensors calls them: `BF16`."""
    return {dtype for _, dtype in _headers(folder).values() if dtype in FLOATS}


def not_weights(folder: Path) -> list[str]:
    """Weights and biases that are not floating-point numbers, each with its type. They would be read as other numbers
    than were saved.
    """
    ends = (".weight", ".bias")
    dtypes = {name: dtype for name, (_, dtype) in _headers(folder).items() if name.endswith(ends)}
    return [f"{name} is {dtype}" for name, dtype in dtypes.items() if dtype not in FLOATS]


def _headers(folder: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    from safetensors import SafetensorError, safe_open

    headers: dict[str, tuple[tuple[int, ...], str]] = {}
    for file in weight_files(folder):
        try:
            with safe_open(file, "pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118 - not a mapping
                    part = tensors.get_slice(name)
                    headers[name] = tuple(part.get_shape()), part.get_dtype()
        except (SafetensorError, OSError) as error:
            raise ConfigurationError(f"{file} is not a readable safetensors file: {error}") from error
    return headers


def check_tensors(folder: Path, expected: Mapping[str, tuple[int, ...]], optional: Set[str]) -> None:
    """Raise `ConfigurationError` naming the tensors of a folder that are missing, misshapen, unexpected, or whole
    numbers where weights are expected."""
    shapes = tensor_shapes(folder)
    problems = []
    missing = [name for name in expected if name not in shapes]
    unexpected = [name for name in shapes if name not in expected and name not in optional]
    misshapen = [
        f"{name} is {list(shapes[name])}, expected {list(shape)}"
        for name, shape in expected.items()
        if name in shapes and shapes[name] != shape
    ]
    whole = not_weights(folder)
    wrong = (("missing", missing), ("misshapen", misshapen), ("unexpected", unexpected), ("not weights", whole))
    for title, names in wrong:
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            problems.append(f"{title}: {'; '.join(names[:SHOWN])}{more}")
    if problems:
        raise ConfigurationError(f"{folder}: the tensors do not fit the configuration. " + ". ".join(problems))


def _download(checkpoint: str | Path, revision: str) -> Path:
    from huggingface_hub import snapshot_download

    if isinstance(checkpoint, Path) or checkpoint.startswith((".", "/", "~")) or checkpoint.count("/") != 1:
        raise ConfigurationError(f"checkpoint folder not found: {checkpoint}")
    try:
        return Path(snapshot_download(checkpoint, revision=revision or None, allow_patterns=DOWNLOADED))
    except Exception as error:  # its HTTP client raises anything
        at = f" at revision {revision}" if revision else ""
        said = f"{error}{_access(error, checkpoint)}"
        raise ConfigurationError(
            f"{checkpoint} is neither a folder nor a model that can be downloaded{at}: {said}"
        ) from error


def _access(error: Exception, checkpoint: str) -> str:
    """What to do where the hub does not let one in, or cannot be reached and the cache lacks the model."""
    if type(error).__name__ == "LocalEntryNotFoundError":
        return f" Fill the cache beforehand, where there is a connection: `hf download {checkpoint}`"
    if type(error).__name__ not in ("GatedRepoError", "RepositoryNotFoundError"):
        return ""
    return (
        f". If it is a gated model, ask for access on https://huggingface.co/{checkpoint}, then log in with "
        "`hf auth login` or set HF_TOKEN"
    )
