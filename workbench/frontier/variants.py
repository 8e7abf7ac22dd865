"""The variants of a system that a frontier compares, as a YAML file has them:

    float32: {dtype: float32}
    bfloat16: {dtype: bfloat16}
    int8: {dtype: bfloat16, quantize: int8, quantize_to: vision}

A key names a variant, its value has the options in which it differs from the system. The first is what the others are
compared with.
"""

import re
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from workbench.data.errors import ConfigurationError, short
from workbench.data.yaml_files import read_mapping

NAME = re.compile(r"\w[\w.+-]*")


def read_variants(path: Path) -> dict[str, dict[str, Any]]:
    """The options of each variant by name, in the file's order.

    Raises `ConfigurationError` that names the file and the variant for anything that is none.
    """
    given = read_mapping(path)
    if len(given) < 2:
        raise ConfigurationError(f"{path}: expected at least two variants, the first to compare with, got {len(given)}")
    variants: dict[str, dict[str, Any]] = {}
    for name, options in given.items():
        if not NAME.fullmatch(name):
            raise ConfigurationError(f"{path}: expected names of letters, digits and .+-_, got {name!r}")
        if options is not None and not _is_options(options):
            raise ConfigurationError(
                f"{path}: {name}: expected options by name, as {{dtype: bfloat16}}, got {short(options)}"
            )
        variants[name] = dict(options or {})
    for one, other in combinations(variants, 2):
        if variants[one] == variants[other]:
            raise ConfigurationError(
                f"{path}: expected variants that differ, but {one} and {other} have the same options"
            )
    return variants


def _is_options(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
