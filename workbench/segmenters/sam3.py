"""SAM3 by concept phrase through `transformers.Sam3Model`: any checkpoint, image features computed once per image."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.masks import Rle
    from workbench.systems import Image

TINY = Path(__file__).parent / "checkpoints" / "sam3-tiny"


@dataclass(frozen=True)
class PhraseMasks:
    """Instances of one phrase by falling score: masks at image size, scores in (threshold, 1]."""

    masks: list["Rle"]
    scores: list[float]


class Sam3Segmenter:
    """A `Sam3Model` checkpoint as a segmenter.

    The score of an instance is its class probability times the presence probability; instances score above `threshold`
    (strictly, as `Sam3Processor` does), and a pixel belongs to a mask where its probability at image size is above 0.5.
    """

    def __init__(self, checkpoint: str | Path, *, threshold: float = 0.5, device: str = "cpu") -> None:
        import torch
        from transformers import AutoTokenizer, Sam3Model

        from workbench.checkpoints import digest

        self.checkpoint, self.threshold, self.device = str(checkpoint), threshold, torch.device(device)
        self.digest = digest(checkpoint)
        dtype = torch.float32 if self.device.type == "cpu" else torch.bfloat16
        self.model: Any = (
            Sam3Model.from_pretrained(checkpoint, dtype=dtype, use_safetensors=True).to(self.device).eval()
        )
        self.tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
        self.size: int = self.model.config.vision_config.image_size

    def identity(self) -> dict[str, Any]:
        """Checkpoint digest and score threshold."""
        return {"segmenter": self.checkpoint_name, "digest": self.digest, "threshold": self.threshold}

    @property
    def checkpoint_name(self) -> str:
        """The hub name or the folder's own name: never a path of this machine."""
        return Path(self.checkpoint).name if Path(self.checkpoint).exists() else self.checkpoint

    def encode(self, image: "Image") -> tuple[Any, tuple[int, int]]:
        """Image features and the image's (height, width), for `segment`."""
        import torch

        with torch.inference_mode():
            features = self.model.get_vision_features(pixel_values=self.preprocess(image))
        return features, (image.shape[0], image.shape[1])

    def preprocess(self, image: "Image") -> Any:
        """`[1, 3, S, S]`: resized to the model's square (bilinear, antialiased), mean and standard deviation 0.5."""
        import torch
        import torch.nn.functional as F

        pixels = torch.from_numpy(image.copy()).to(self.device).permute(2, 0, 1)[None].float()
        if pixels.shape[-2:] != (self.size, self.size):
            pixels = (
                F.interpolate(pixels, (self.size, self.size), mode="bilinear", antialias=True).round().clamp(0, 255)
            )
        return (pixels / 127.5 - 1).to(self.model.dtype)

    def segment(self, features: tuple[Any, tuple[int, int]], phrases: Sequence[str]) -> list[PhraseMasks]:
        """All instances of each phrase, in one batch over the phrases; one result per phrase, in order."""
        import torch
        import torch.nn.functional as F
        from transformers.models.sam3.modeling_sam3 import Sam3VisionEncoderOutput

        from workbench.masks import encode_all

        if not phrases:
            return []
        vision, size = features
        tokens = self.tokenizer(list(phrases), padding=True, truncation=True, max_length=32, return_tensors="pt").to(
            self.device
        )
        repeated = Sam3VisionEncoderOutput(
            fpn_hidden_states=tuple(x.expand(len(phrases), -1, -1, -1) for x in vision.fpn_hidden_states),
            fpn_position_encoding=tuple(x.expand(len(phrases), -1, -1, -1) for x in vision.fpn_position_encoding),
        )
        with torch.inference_mode():
            out = self.model(vision_embeds=repeated, input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)
            scores = (out.pred_logits.sigmoid() * out.presence_logits.sigmoid()).float()
        results = []
        for phrase_scores, phrase_masks in zip(scores, out.pred_masks, strict=True):
            order = torch.argsort(phrase_scores, descending=True, stable=True)
            kept = order[phrase_scores[order] > self.threshold]
            if not len(kept):
                results.append(PhraseMasks([], []))
                continue
            with torch.inference_mode():
                probabilities = phrase_masks[kept].float().sigmoid()
                full = F.interpolate(probabilities[None], size, mode="bilinear", align_corners=False)[0] > 0.5
            results.append(PhraseMasks(encode_all(full.cpu().numpy()), phrase_scores[kept].tolist()))
        return results


def sam3_tiny(checkpoint: str | None = None, threshold: float = 0.4) -> Sam3Segmenter:
    """Tiny SAM3 trained on tabletop scenes (128 px), shipped with the package; its threshold was chosen on val."""
    return Sam3Segmenter(checkpoint or TINY, threshold=threshold)


def sam3(checkpoint: str = "facebook/sam3", threshold: float = 0.5, device: str = "cpu") -> Sam3Segmenter:
    """Any SAM3 checkpoint by hub name or folder; facebook/sam3 by default."""
    if not checkpoint:
        raise ConfigurationError("sam3: expected a checkpoint name or folder, got an empty string")
    return Sam3Segmenter(checkpoint, threshold=threshold, device=device)
