"""Loads a transformers model from a checkpoint, and refuses a checkpoint that does not fit the model in every tensor.

`from_pretrained` alone fills missing tensors with random numbers and says so only in a warning. Its own loading report
is checked rather than a list of names, so that tied weights and every published layout still load.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import dtype as Precision

from workbench.data.errors import ConfigurationError
from workbench.foundations.checkpoints import FLOATS, SHOWN, not_weights, tensor_shapes

TOO_LARGE = 2.0
"""How many times as large as its weights a checkpoint may be by its configuration: tied weights are stored once."""


def load_model(kind: Any, checkpoint: str | Path, dtype: Precision) -> Any:
    """A model of the transformers class `kind` from a folder or hub name, safetensors only.

    Raises `ConfigurationError` that names the checkpoint where it cannot be read, and the tensors that are missing,
    misshapen, unexpected, or whole numbers where the model has weights.
    """
    if Path(checkpoint).is_dir():
        _check_files(Path(checkpoint))
    try:
        if Path(checkpoint).is_dir():
            _check_size(kind, Path(checkpoint))
        with no_bars():
            model, report = kind.from_pretrained(
                checkpoint, dtype=dtype, use_safetensors=True, output_loading_info=True, ignore_mismatched_sizes=True
            )
    except ConfigurationError:
        raise
    except Exception as error:  # transformers and safetensors raise anything for a damaged file
        raise _unreadable(checkpoint, error) from error
    misshapen = [f"{name} is {list(found)}, expected {list(shape)}" for name, found, shape in report["mismatched_keys"]]
    wrong = {
        "missing": sorted(report["missing_keys"]),
        "misshapen": sorted(misshapen),
        "unexpected": sorted(report["unexpected_keys"]),
        "not read": sorted(map(str, report.get("error_msgs", ()))),
    }
    problems = [f"{title}: {_few(names)}" for title, names in wrong.items() if names]
    if problems:
        raise ConfigurationError(f"{checkpoint}: the tensors do not fit the configuration. {'. '.join(problems)}")
    return model


@contextmanager
def no_bars() -> Iterator[None]:
    """Without the progress bars that transformers draws while it loads weights, which takes a moment."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def load_tokenizer(checkpoint: str | Path) -> Any:
    """The tokenizer of a folder or hub name; raises `ConfigurationError` where none can be read."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(checkpoint)
    except Exception as error:  # the tokenizers library raises plain exceptions
        raise _unreadable(checkpoint, error) from error


def _check_files(folder: Path) -> None:
    """Report the faults that transformers would not report, or not by name."""
    config = folder / "config.json"
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{config} cannot be read as JSON: {error}") from error
    if not isinstance(settings, dict):
        raise ConfigurationError(f"{config}: expected a JSON object, got {type(settings).__name__}")
    if "quantization_config" not in settings and (whole := not_weights(folder)):
        raise ConfigurationError(f"{folder}: expected weights of the types {', '.join(FLOATS)}, got {_few(whole)}")


def _check_size(kind: Any, folder: Path) -> None:
    """Refuse a configuration of a far larger model than the weights are of, before it fills the memory.

    A configuration of another kind leaves out most fields, and their usual values are those of a full-size model.
    Quantised weights are packed, so their numbers say nothing.
    """
    import torch

    if "quantization_config" in json.loads((folder / "config.json").read_text(encoding="utf-8")):
        return

    with torch.device("meta"):
        described = sum(tensor.numel() for tensor in kind(kind.config_class.from_pretrained(folder)).parameters())
    held = sum(math.prod(shape) for shape in tensor_shapes(folder).values())
    if described > TOO_LARGE * held:
        raise ConfigurationError(
            f"{folder / 'config.json'}: expected the configuration of the weights beside it, which are {held:,} "
            f"numbers; it describes a {kind.__name__} of {described:,}"
        )


def _unreadable(checkpoint: str | Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(f"checkpoint {checkpoint} cannot be loaded: {type(error).__name__}: {error}")


def _few(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return "; ".join(names[:SHOWN]) + more
