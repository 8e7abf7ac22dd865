"""A Qwen3-VL whose states at [SEG] tokens are masks: each is projected to SAM3's width and decoded by its mask decoder.

LISA: arXiv 2308.00692; GSVA: arXiv 2312.10103; PixelLM: arXiv 2312.02228.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import Sam3Config
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLModel
from transformers.models.sam3.modeling_sam3 import Sam3MaskDecoder

from e2e.segtoken.config import SegTokenConfig, Tokens, load_config, save_config
from e2e.single_pass.language import LanguageModel, projection, take_short_ways
from e2e.single_pass.preprocess import PatchSettings
from e2e.single_pass.processor import Processor
from e2e.single_pass.tokens import add_tokens, preprocessor, token_ids
from e2e.single_pass.vision import VisionEncoder, VisionFeatures, see
from workbench.data.errors import ConfigurationError
from workbench.foundations.checkpoints import check_tensors, digest, locate, weight_files

ENCODER = "model.detector.vision_encoder."
"""Tensors that stay SAM3's and are read from its checkpoint."""
NEW = "model.mask_projection."


class MaskDetector(nn.Module):
    """SAM3's vision encoder and mask decoder; tensors are named as in `Sam3Model`."""

    def __init__(self, config: Sam3Config) -> None:
        super().__init__()
        config.mask_decoder_config._attn_implementation = config._attn_implementation
        self.vision_encoder = VisionEncoder(config.vision_config)
        self.mask_decoder = Sam3MaskDecoder(config.mask_decoder_config)

    def encode(self, pixels: Tensor) -> VisionFeatures:
        """Vision features of `pixels: [B, 3, S, S]`."""
        return see(self.vision_encoder, pixels)

    def forward(self, vision: VisionFeatures, image_index: Tensor, queries: Tensor) -> Tensor:
        """Mask logits `[N, h, w]` of `queries: [N, C]`, each in its image, `image_index: [N]`.

        The pixels of an image are embedded once for all its queries: SAM3's pixel decoder reads the image's features
        where SAM3 gives it those that its DETR encoder has mixed with a phrase.
        """
        decoder = self.mask_decoder
        pixels = decoder.instance_projection(decoder.pixel_decoder(list(vision.features)))
        embedded = decoder.mask_embedder(queries)
        order = image_index.argsort(stable=True)
        counts = torch.bincount(image_index, minlength=len(pixels)).tolist()
        grouped = zip(embedded[order].split(counts), pixels, strict=True)
        masks = torch.cat([torch.einsum("nc,chw->nhw", own, image) for own, image in grouped])
        return masks[order.argsort()]


class SegTokenModel(Qwen3VLModel):  # type: ignore[misc]
    """Qwen3-VL with the projection of its states at [SEG] and the part of SAM3 that draws the masks."""

    def __init__(self, config: SegTokenConfig) -> None:
        super().__init__(config)
        take_short_ways(self)
        width = config.sam3_config.mask_decoder_config.hidden_size
        self.mask_projection = projection(config.text_config.hidden_size, width)
        self.detector = MaskDetector(config.sam3_config)
        self.post_init()


class SegToken(LanguageModel):
    """The whole model, for one [SEG] or many (`config.tokens`)."""

    config_class = SegTokenConfig
    _tied_weights_keys = {"lm_head.weight": "model.language_model.embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: SegTokenConfig) -> None:
        super().__init__(config)
        self.model = SegTokenModel(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    @property
    def detector(self) -> MaskDetector:
        detector: MaskDetector = self.model.detector
        return detector

    def masks(self, vision: VisionFeatures, image_index: Tensor, states: Tensor) -> Tensor:
        """Mask logits `[N, h, w]` of the states `[N, D]` at [SEG] tokens; `image_index: [N]` names their images."""
        logits: Tensor = self.detector(vision, image_index, self.model.mask_projection(states))
        return logits

    @classmethod
    def from_parts(
        cls, language_model: str | Path, segmenter: str | Path, tokens: Tokens
    ) -> tuple["SegToken", Processor]:
        """A model whose projection is new and whose other tensors are those of a Qwen3-VL and a SAM3 checkpoint."""
        from transformers import Qwen3VLForConditionalGeneration

        from workbench.foundations.loading import load_model, load_tokenizer

        language_model, segmenter = locate(language_model), locate(segmenter)
        qwen = load_model(Qwen3VLForConditionalGeneration, language_model, torch.float32)
        tokenizer = load_tokenizer(language_model)
        add_tokens(tokenizer, qwen)
        own = {name: index for name, index in token_ids(tokenizer).items() if hasattr(SegTokenConfig, name)}
        config = SegTokenConfig(
            **{
                **qwen.config.to_dict(),
                **own,
                "sam3_config": Sam3Config.from_pretrained(segmenter),
                "segmenter_digest": digest(segmenter),
                "tokens": tokens,
                "architectures": ["SegToken"],
            }
        )
        model = cls(config)
        model._load({**qwen.state_dict(), **_detector_tensors(segmenter, "model.detector.")})
        for layer in model.model.mask_projection:
            if isinstance(layer, nn.Linear):
                # transformers starts it so small that all queries, and the gradients to the language model, vanish
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        patches = PatchSettings.from_config(config.vision_config, preprocessor(language_model))
        return model, Processor(tokenizer, config, patches)

    @classmethod
    def from_pretrained(cls, checkpoint: str | Path, segmenter: str | Path) -> "SegToken":
        """Load a checkpoint folder and the vision encoder of the SAM3 that it belongs to, in evaluation mode.

        Raises `ConfigurationError` for another SAM3, and for a tensor that is missing, misshapen or unexpected.
        """
        folder, segmenter = locate(checkpoint), locate(segmenter)
        config = load_config(folder, segmenter)
        with torch.device("meta"):
            expected = {name: tuple(tensor.shape) for name, tensor in cls(config).state_dict().items()}
        stored = {name: shape for name, shape in expected.items() if not name.startswith(ENCODER)}
        if config.tie_word_embeddings:
            del stored["lm_head.weight"]
        check_tensors(folder, stored, optional=set())
        model = cls(config)
        model._load({**_read(folder), **_detector_tensors(segmenter, ENCODER)})
        model.eval()
        return model

    def save(self, folder: Path) -> None:
        """Write the configuration and, in half precision, all tensors but those of SAM3's vision encoder."""
        from safetensors.torch import save_file

        half = {n: t.half().contiguous() for n, t in self.state_dict().items() if not n.startswith(ENCODER)}
        if self.config.tie_word_embeddings:
            del half["lm_head.weight"]
        folder.mkdir(parents=True, exist_ok=True)
        save_file(half, folder / "model.safetensors", metadata={"format": "pt"})
        save_config(self.config, folder)

    def _load(self, tensors: dict[str, Tensor]) -> None:
        try:
            missing, unexpected = self.load_state_dict(tensors, strict=False)
        except RuntimeError as error:  # a tensor has another shape; the message names it
            raise ConfigurationError(f"the checkpoints do not fit the model's parts: {error}") from error
        missing = [name for name in missing if not name.startswith(NEW) and name != "lm_head.weight"]
        if missing or unexpected:
            raise ConfigurationError(
                f"the checkpoints do not fit the model's parts: {', '.join([*missing, *unexpected][:5])}"
            )
        self.tie_weights()


def _detector_tensors(segmenter: Path, prefix: str) -> dict[str, Tensor]:
    """Tensors of a SAM3 checkpoint under the names that they have here, those that begin with `prefix`."""
    names = {name: f"model.detector.{name}" for name in ("vision_encoder.", "mask_decoder.")}
    tensors = {
        own + name.removeprefix(part): tensor
        for name, tensor in _read(segmenter).items()
        for part, own in names.items()
        if name.startswith(part)
    }
    return {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _read(folder: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return {name: tensor for file in weight_files(folder) for name, tensor in load_file(file).items()}
    except (SafetensorError, OSError) as error:
        raise ConfigurationError(f"{folder}: weights that are no readable safetensors file: {error}") from error
