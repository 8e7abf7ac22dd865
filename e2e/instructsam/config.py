"""Configuration of an InstructSAM checkpoint: Qwen3-VL's fields, the slots' fields, and SAM3's detector beside them."""

import json
from pathlib import Path
from typing import Any

from transformers import Qwen3VLConfig, Qwen3VLTextConfig, Qwen3VLVisionConfig, Sam3Config

from e2e.single_pass.attention import INJECTED
from workbench.data.errors import ConfigurationError

DETECTOR_FOLDER = "mask_decoder_model"


class InstructSamConfig(Qwen3VLConfig):  # type: ignore[misc]
    """Qwen3-VL plus `max_seg_nums` slots a phrase (K), the width of the detector, and the special tokens.

    The defaults are those of the published 2B checkpoint (CircleRadon/InstructSAM-2B). Five fields are ours:
    `query_bank`, whether there are slots at all: without, the language model only writes the phrase, and the detector
    searches with K queries of SAM3's own; `slots_causal`, each slot sees only the slots before it;
    `phrase_conditioning`, whether the detector reads the phrase, or an empty one, so that the slots alone say what is
    meant; `match_starts`, whether training matches a target with the slot that starts nearest to it, instead of by
    masks and scores; `duplicate_loss_weight`, see `slot_losses`.
    """

    model_type = "qwen3_vl"
    sub_configs_defaults = {  # noqa: RUF012
        "vision_config": Qwen3VLVisionConfig,
        "text_config": Qwen3VLTextConfig,
        "sam3_config": Sam3Config,
    }

    sam3_config: Any = None
    mask_decoder_model: str = DETECTOR_FOLDER
    max_seg_nums: int = 10
    out_dim: int = 256
    ref_start_token_index: int = 151646
    ref_end_token_index: int = 151647
    seg_token_index: int = 151670
    seg_start_token_index: int = 151671
    seg_end_token_index: int = 151672
    dice_loss_weight: float = 0.5
    bce_loss_weight: float = 2.0
    cls_loss_weight: float = 1.0
    duplicate_loss_weight: float = 0.0
    loss_sample_points: bool = False
    query_bank: bool = True
    slots_causal: bool = False
    phrase_conditioning: bool = True
    match_starts: bool = False

    @property
    def fed(self) -> int:
        """How many embeddings the language model is fed at the end of a phrase: the end itself, and with a query bank
        the K slots and a mark on either side of them."""
        return int(self.max_seg_nums) + INJECTED if self.query_bank else 1


def published_config() -> InstructSamConfig:
    """The published 2B model's dimensions, read off its tensors and its paper (arXiv 2605.26102)."""
    return InstructSamConfig(
        text_config={
            "vocab_size": 151936,
            "hidden_size": 2048,
            "intermediate_size": 6144,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 128,
        },
        vision_config={
            "depth": 24,
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_heads": 16,
            "out_hidden_size": 2048,
            "deepstack_visual_indexes": [5, 11, 17],
        },
        sam3_config=Sam3Config(detr_decoder_config={"num_queries": 10}),
        tie_word_embeddings=True,
    )


def load_config(folder: Path) -> InstructSamConfig:
    """Read `config.json`, and SAM3's configuration from the subfolder that it names.

    The subfolder holds a `sam3` configuration, or a `sam3_video` one, of which the detector's part is taken. Without a
    subfolder the configuration is that of facebook/sam3, as in the published checkpoint. Raises `ConfigurationError`.
    """
    record = _read(folder / "config.json")
    named = Path(str(record.get("mask_decoder_model", DETECTOR_FOLDER))).name
    detector = folder / named / "config.json"
    sam3 = _read(detector) if detector.exists() else {}
    sam3 = sam3.get("detector_config", sam3)
    config = InstructSamConfig(**{**record, "sam3_config": Sam3Config(**sam3)})
    config.sam3_config.detr_decoder_config.num_queries = config.max_seg_nums
    check_bank(config)
    width = config.sam3_config.detr_decoder_config.hidden_size
    if config.out_dim != width:
        raise ConfigurationError(f"{folder}: out_dim is {config.out_dim} but the detector's width is {width}")
    return config


def check_bank(config: InstructSamConfig) -> None:
    """Refuse, with `ConfigurationError`, what has no meaning in a model without slots."""
    if config.query_bank:
        return
    if config.slots_causal:
        raise ConfigurationError(
            "slots_causal: expected false where query_bank is false (there are no slots), got true"
        )
    if not config.phrase_conditioning:
        raise ConfigurationError(
            "phrase_conditioning: expected true where query_bank is false (nothing else says what is meant), got false"
        )


def save_config(config: InstructSamConfig, folder: Path) -> None:
    """Write what `load_config` reads: `config.json` and the detector's configuration in its subfolder."""
    record = config.to_dict()
    sam3 = record.pop("sam3_config")
    record["mask_decoder_model"] = DETECTOR_FOLDER
    _write(folder / "config.json", record)
    _write(folder / DETECTOR_FOLDER / "config.json", {"model_type": "sam3_video", "detector_config": sam3})


def _read(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"no {path.name} in checkpoint folder {path.parent}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error
    return record


def _write(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
