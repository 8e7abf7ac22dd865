"""Short digests of values and files, by which the bench recognises that two things are the same."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.data.opening import open_file


def digest(value: Any) -> str:
    """32 hexadecimal characters (of SHA-256) that stand for a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one level of dotted keys: `{"a": {"b": 1}}` becomes `{"a.b": 1}`."""
    flat: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            flat |= flatten(item, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = item
    return flat


def file_digest(path: Path) -> str:
    """32 hexadecimal characters (of SHA-256) that stand for the bytes of a file; raises `OSError`, also for what is
    no ordinary file."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
