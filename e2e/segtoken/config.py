"""Configuration of a [SEG] token checkpoint: Qwen3-VL's fields, the tokens, and which SAM3 it reads images with."""

import json
from pathlib import Path
from typing import Any, Literal, get_args

from transformers import Qwen3VLConfig, Qwen3VLTextConfig, Qwen3VLVisionConfig, Sam3Config

from workbench.data.errors import ConfigurationError
from workbench.foundations.checkpoints import digest

Tokens = Literal["one", "many"]
"""one: a single [SEG] stands for all instances (LISA); many: each instance has its own (GSVA, PixelLM)."""


class SegTokenConfig(Qwen3VLConfig):  # type: ignore[misc]
    """Qwen3-VL, the special tokens of an answer, and SAM3, of which a checkpoint holds the mask decoder alone.

    `segmenter_digest` identifies the SAM3 checkpoint whose frozen vision encoder belongs to it.
    """

    model_type = "qwen3_vl"
    sub_configs_defaults = {  # noqa: RUF012
        "vision_config": Qwen3VLVisionConfig,
        "text_config": Qwen3VLTextConfig,
        "sam3_config": Sam3Config,
    }

    sam3_config: Any = None
    segmenter_digest: str = ""
    tokens: str = "many"
    ref_start_token_index: int = 151646
    ref_end_token_index: int = 151647
    seg_token_index: int = 151670


def check_tokens(value: str) -> Tokens:
    """The same value; raises `ConfigurationError` for anything else than `one` and `many`."""
    if value == "one":
        return "one"
    if value == "many":
        return "many"
    raise ConfigurationError(f"tokens: expected {' or '.join(get_args(Tokens))}, got {value!r}")


def load_config(folder: Path, segmenter: Path) -> SegTokenConfig:
    """Read `config.json` of a checkpoint and SAM3's beside it.

    Raises `ConfigurationError` where a file is missing, or where the checkpoint belongs to another SAM3.
    """
    record = _read(folder / "config.json")
    check_tokens(str(record.get("tokens")))
    found, wanted = digest(segmenter), record.get("segmenter_digest")
    if found != wanted:
        raise ConfigurationError(
            f"{folder} belongs to the SAM3 checkpoint of digest {wanted}, but {segmenter} has {found}; "
            "name the right one by the option `segmenter`, or train again from this one"
        )
    return SegTokenConfig(**{**record, "sam3_config": Sam3Config(**_read(segmenter / "config.json"))})


def save_config(config: SegTokenConfig, folder: Path) -> None:
    """Write what `load_config` reads, without SAM3's configuration, which lies in its own checkpoint."""
    record = config.to_dict()
    del record["sam3_config"]
    (folder / "config.json").write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"no {path.name} in checkpoint folder {path.parent}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error
    return record
