"""InstructSAM on stock Qwen3-VL and SAM3: learnable slots in the language model drive SAM3's detector.

Paper: arXiv 2605.26102. Tensors are named as in the published checkpoint (CircleRadon/InstructSAM-2B).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLModel

from e2e.instructsam.config import InstructSamConfig, load_config, save_config
from e2e.instructsam.detector import Detections, SlotDetector
from e2e.single_pass.language import TEXT_LENGTH, LanguageModel, projection, take_short_ways
from e2e.single_pass.vision import VisionFeatures
from workbench.data.errors import ConfigurationError
from workbench.foundations.by_parts import load_by_parts
from workbench.foundations.checkpoints import check_tensors, locate


class GroundingModel(nn.Module):
    """Holds the detector under the name it has in the published checkpoint."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.model = SlotDetector(config)


class InstructSamModel(Qwen3VLModel):  # type: ignore[misc]
    """Qwen3-VL with K mask queries, the projections of slots and phrase text to the detector, and the detector. Without
    a query bank there are neither mask queries nor their projection."""

    def __init__(self, config: InstructSamConfig) -> None:
        super().__init__(config)
        take_short_ways(self)
        width = config.text_config.hidden_size
        if config.query_bank:
            self.mask_queries = nn.Parameter(torch.zeros(config.max_seg_nums, width))
        self.text_hidden_fcs = nn.ModuleList([projection(width, config.out_dim)])
        if config.query_bank:
            self.mask_hidden_fcs = nn.ModuleList([projection(width, config.out_dim)])
        self.grounding_model = GroundingModel(config.sam3_config)
        self.post_init()


class InstructSAM(LanguageModel):
    """The whole model. `generation.generate`, `inference.segment_instructions` and `losses.training_losses` run it."""

    config_class = InstructSamConfig
    _tied_weights_keys = {"lm_head.weight": "model.language_model.embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: InstructSamConfig) -> None:
        super().__init__(config)
        self.model = InstructSamModel(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    @property
    def detector(self) -> SlotDetector:
        detector: SlotDetector = self.model.grounding_model.model
        return detector

    @property
    def slots(self) -> int:
        """K: the most instances one phrase can have."""
        return int(self.config.max_seg_nums)

    def starts(self) -> Tensor:
        """The places x, y in 0..1 at which the slots start to look, `[K, 2]`."""
        boxes: Tensor = self.detector.detr_decoder.reference_points.weight.sigmoid()
        return boxes[:, :2]

    def conditioning(self, phrase: Sequence[int]) -> Sequence[int]:
        """What the detector reads of a phrase's token ids: all, or an empty phrase's two markers."""
        if self.config.phrase_conditioning:
            return phrase
        return [self.config.ref_start_token_index, self.config.ref_end_token_index]

    def read_text(self, phrase_ids: Tensor) -> Tensor:
        """Detector text features `[P, T, C]` of the phrases' token ids `[P, T]`."""
        features: Tensor = self.model.text_hidden_fcs[0](self.embed(phrase_ids))
        return features

    def read_slots(self, states: Tensor) -> Tensor:
        """Detector queries `[P, K, C]` of the language model's states at the slots `[P, K, D]`; without a query bank,
        where states are `[P, 0, D]`, SAM3's own."""
        if not self.config.query_bank:
            own: Tensor = self.detector.detr_decoder.query_embed.weight
            return own.expand(len(states), -1, -1)
        queries: Tensor = self.model.mask_hidden_fcs[0](states)
        return queries

    def detect(
        self,
        vision: VisionFeatures,
        image_index: Tensor,
        phrase_ids: Tensor,
        text_mask: Tensor | None,
        slot_states: Tensor,
    ) -> Detections:
        """Masks and scores of P phrases; `image_index: [P]` names the image of each in `vision`. `text_mask: [P, T]`;
        None: no phrase is padded."""
        detections: Detections = self.detector(
            vision, image_index, self.read_text(phrase_ids), text_mask, self.read_slots(slot_states)
        )
        return detections

    @classmethod
    def from_pretrained(
        cls, checkpoint: str | Path, dtype: torch.dtype = torch.float32, image_size: int | None = None
    ) -> "InstructSAM":
        """Load a folder or hub name, safetensors only, in evaluation mode. `image_size`: the side in pixels of the
        square in which the detector sees an image, where it is not the checkpoint's.

        Raises `ConfigurationError` for a folder without weights, for pickled weights, and for any tensor that is
        missing, has another shape or is unexpected.
        """
        folder = locate(checkpoint)
        config = load_config(folder)
        if image_size is not None:
            resize_detector(config, image_size)
        with torch.device("meta"):
            expected = {name: tuple(tensor.shape) for name, tensor in cls(config).state_dict().items()}
        if config.tie_word_embeddings:
            del expected["lm_head.weight"]
        check_tensors(folder, expected, optional={"lm_head.weight"} if config.tie_word_embeddings else set())
        return load_by_parts(lambda: cls(config), folder, dtype)

    def save_pretrained(self, folder: str | Path, **options: Any) -> None:
        """Write `config.json`, the detector's configuration and safetensors weights in the model's own precision."""
        super().save_pretrained(folder, **options)
        save_config(self.config, Path(folder))


def resize_detector(config: InstructSamConfig, side: int) -> None:
    """Have the detector see images in a square of another side, in pixels. Raises `ConfigurationError` where its
    patches and their halves do not fill it."""
    vision = config.sam3_config.vision_config
    step = 2 * vision.backbone_config.patch_size
    if side % step:
        raise ConfigurationError(
            f"image_size: expected a multiple of {step} (the checkpoint has {vision.image_size}), got {side}"
        )
    vision.image_size = side
    tokens = side // vision.backbone_config.patch_size
    vision.backbone_feature_sizes = [[scale * tokens] * 2 for scale in (4, 2, 1)]


def keep_slots(model: InstructSAM, count: int) -> None:
    """Leave a model the first `count` of its slots, or of its queries without a query bank, in place. Raises
    `ConfigurationError` where it has fewer."""
    if not 1 <= count <= model.slots:
        raise ConfigurationError(f"slots: the checkpoint has {model.slots}, expected 1 to {model.slots}, got {count}")
    decoder = model.detector.detr_decoder
    if model.config.query_bank:
        model.model.mask_queries = nn.Parameter(model.model.mask_queries[:count].detach().clone())
    for embedding in (decoder.query_embed, decoder.reference_points):
        embedding.weight = nn.Parameter(embedding.weight[:count].detach().clone())
        embedding.num_embeddings = count
    model.config.max_seg_nums = model.config.sam3_config.detr_decoder_config.num_queries = count


def pad_phrases(phrases: Sequence[Sequence[int]], device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Token ids `[P, 32]`, cut or zero padded, and their mask `[P, 32] bool`."""
    ids = torch.zeros(len(phrases), TEXT_LENGTH, dtype=torch.long)
    mask = torch.zeros(len(phrases), TEXT_LENGTH, dtype=torch.bool)
    for row, phrase in enumerate(phrases):
        cut = list(phrase[:TEXT_LENGTH])
        ids[row, : len(cut)] = torch.tensor(cut, dtype=torch.long)
        mask[row, : len(cut)] = True
    return ids.to(device), mask.to(device)


def words_of(phrases: Sequence[Sequence[int]], device: torch.device | None = None) -> tuple[Tensor, Tensor | None]:
    """Token ids `[P, T]` of phrases as `pad_phrases` has them, as wide as the longest, and their mask; None: none is
    padded. What is masked adds nothing, so that the detector finds the same as with all 32 columns."""
    ids, mask = pad_phrases(phrases)
    lengths = mask.sum(1)
    longest = int(lengths.max())
    padded = int(lengths.min()) < longest
    return ids[:, :longest].to(device), mask[:, :longest].to(device) if padded else None
