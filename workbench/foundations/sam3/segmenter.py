"""SAM3 by concept phrase through `transformers.Sam3Model`: any checkpoint, image features computed once per image."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from workbench.data.errors import ConfigurationError
from workbench.foundations.cards import Card, card, chosen
from workbench.foundations.compression import NONE, Quantization
from workbench.foundations.devices import AUTO, CPU, Device
from workbench.foundations.sam3.resizing import LOGITS, PROBABILITIES, RESIZINGS, rles_at
from workbench.plugins.interfaces import PhraseMasks
from workbench.plugins.options import OneOf, Range

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.data.conditions import Conditions
    from workbench.plugins.interfaces import Image

TINY = Path(__file__).parent / "checkpoints" / "sam3-tiny"
PUBLISHED = "facebook/sam3"
PUBLISHED_CARD: Card = {
    "detector": "trained by its authors on noun phrases of SA-Co, on no instruction",
    "threshold": 0.5,
    "threshold_chosen": "chosen by its authors (that of Sam3Processor)",
}


@dataclass(frozen=True)
class Features:
    """An image as SAM3 sees it: the levels of its feature pyramid and their positions, each `[1, C, h, w]`, and the
    image's (height, width)."""

    levels: tuple["Tensor", ...]
    places: tuple["Tensor", ...]
    size: tuple[int, int]


class Sam3Segmenter:
    """A `Sam3Model` checkpoint as a segmenter.

    The score of an instance is its class probability times the presence probability; instances score above `threshold`
    (strictly, as `Sam3Processor` does), and a pixel belongs to a mask where its probability at image size is above 0.5.
    `resize` says what is interpolated, see `workbench.foundations.sam3.resizing`. It computes in float32 on a CPU, in
    bfloat16 elsewhere, unless `dtype` says otherwise; `quantize` rounds its weights, see
    `workbench.foundations.compression`.
    """

    def __init__(
        self,
        checkpoint: str | Path,
        *,
        threshold: float = 0.5,
        device: str = CPU,
        resize: str = PROBABILITIES,
        revision: str = "",
        dtype: str | None = None,
        quantize: str = NONE,
    ) -> None:
        import torch
        from transformers import Sam3Model

        from workbench.foundations import compression
        from workbench.foundations.checkpoints import find
        from workbench.foundations.devices import place, say
        from workbench.foundations.loading import load_model, load_tokenizer

        self.place = place(device, dtype or "")
        self.checkpoint, self.threshold, self.device = str(checkpoint), threshold, torch.device(self.place.device)
        self.resize = resize
        found = find(checkpoint, revision)
        self.checkpoint_name, self.digest = found.name, found.digest
        say(f"SAM3 {found.name}", device, self.place)
        self.model: Any = load_model(Sam3Model, found.folder, self.place.dtype).to(self.device).eval()
        self.quantize = quantize
        compression.quantize([self.model], quantize)
        self.weights = compression.weight_bytes(self.model)
        self.tokenizer: Any = load_tokenizer(found.folder)
        self.size: int = self.model.config.vision_config.image_size

    def identity(self) -> dict[str, Any]:
        """The checkpoint's name (never a path of this machine) and digest, with the commit of one from the hub; score
        threshold; what is interpolated, unless it is as in `Sam3Processor`; rounded weights, if they are; device and
        precision, unless float32 on a CPU."""
        resized = {} if self.resize == PROBABILITIES else {"resize": self.resize}
        rounded = {} if self.quantize == NONE else {"quantized": self.quantize}
        return {
            "segmenter": self.checkpoint_name,
            "digest": self.digest,
            "threshold": self.threshold,
            **resized,
            **rounded,
            **self.place.identity(),
        }

    def conditions(self) -> "Conditions":
        """How its masks are made, and what its checkpoint's card says."""
        from workbench.data.conditions import Conditions

        about = PUBLISHED_CARD if self.checkpoint == PUBLISHED else card(self.checkpoint)
        return Conditions(
            resizing=RESIZINGS[self.resize],
            threshold=self.threshold,
            threshold_chosen=chosen(about, self.threshold),
            device=str(self.place),
            weights=self.weights,
            detector=about.get("detector"),
            training=about.get("training"),
            knows=about.get("knows"),
            benchmarks=about.get("benchmarks"),
        )

    def encode(self, image: "Image") -> Features:
        """Image features and the image's (height, width), for `segment`."""
        return self.encode_all([image])[0]

    def encode_all(self, images: Sequence["Image"]) -> list[Features]:
        """The same for several images in one batch."""
        import torch

        with torch.inference_mode():
            vision = self.model.get_vision_features(pixel_values=torch.cat([self.preprocess(i) for i in images]))
        levels, places = vision.fpn_hidden_states, vision.fpn_position_encoding
        return [
            Features(
                tuple(level[n : n + 1] for level in levels),
                tuple(place[n % len(place)][None] for place in places),
                (image.shape[0], image.shape[1]),
            )
            for n, image in enumerate(images)
        ]

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

    def segment(self, features: Features, phrases: Sequence[str]) -> list[PhraseMasks]:
        """All instances of each phrase, in one batch over the phrases; one result per phrase, in order."""
        return self.segment_all([(features, phrase) for phrase in phrases])

    def segment_all(self, asked: Sequence[tuple[Features, str]]) -> list[PhraseMasks]:
        """All instances of a phrase in the image with these features, in one batch over all pairs; in order."""
        import torch
        from transformers.models.sam3.modeling_sam3 import Sam3VisionEncoderOutput

        if not asked:
            return []
        features = [one for one, _ in asked]
        tokens = self.tokenizer(
            [phrase for _, phrase in asked], padding=True, truncation=True, max_length=32, return_tensors="pt"
        ).to(self.device)
        vision = Sam3VisionEncoderOutput(
            fpn_hidden_states=_batched([one.levels for one in features]),
            fpn_position_encoding=_batched([one.places for one in features]),
        )
        with torch.inference_mode():
            out = self.model(vision_embeds=vision, input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)
            scores = (out.pred_logits.sigmoid() * out.presence_logits.sigmoid()).float()
        outputs = zip(scores, out.pred_masks, features, strict=True)
        return [self._instances(score, masks, one.size) for score, masks, one in outputs]

    def _instances(self, scores: "Tensor", masks: "Tensor", size: tuple[int, int]) -> PhraseMasks:
        """The instances above the threshold, by falling score, from `scores [N]` and mask logits `masks [N, h, w]`."""
        import torch

        order = torch.argsort(scores, descending=True, stable=True)
        kept = order[scores[order] > self.threshold]
        if not len(kept):
            return PhraseMasks([], [])
        return PhraseMasks(rles_at(masks[kept], size, self.resize), scores[kept].tolist())


def _batched(levels: Sequence[tuple["Tensor", ...]]) -> tuple["Tensor", ...]:
    """The pyramids of several images, each level `[1, ...]`, as one batch; of one image repeated without a copy."""
    import torch

    if all(level is levels[0] for level in levels):
        return tuple(x.expand(len(levels), -1, -1, -1) for x in levels[0])
    return tuple(torch.cat(same) for same in zip(*levels, strict=True))


Threshold = Annotated[float, Range(0, 1), "Score that an instance has to exceed."]
Resize = Annotated[
    str,
    OneOf(LOGITS, PROBABILITIES),
    "What is interpolated to the size of the image: logits or probabilities of masks.",
]


Placed = Annotated[str, Device(), "Where it runs; auto: on a GPU where torch sees one, else on the CPU."]
Revision = Annotated[str, "Commit, branch or tag of a hub name; empty: the newest."]
Precision = Annotated[
    str | None,
    OneOf("float32", "bfloat16", "float16"),
    "Precision of the weights; none: float32 on a CPU, else bfloat16.",
]
Quantized = Annotated[str, Quantization(), "Weights as 8-bit integers (needs torchao)."]


def sam3_tiny(
    checkpoint: Annotated[str | None, "Folder or hub name; none: the one of this package."] = None,
    threshold: Threshold = 0.3,
    device: Placed = CPU,
    resize: Resize = PROBABILITIES,
    revision: Revision = "",
    dtype: Precision = None,
    quantize: Quantized = NONE,
) -> Sam3Segmenter:
    """Tiny SAM3 trained on tabletop scenes (128 px), shipped with the package; its threshold was chosen on val."""
    return Sam3Segmenter(
        checkpoint or TINY,
        threshold=threshold,
        device=device,
        resize=resize,
        revision=revision,
        dtype=dtype,
        quantize=quantize,
    )


def sam3(
    checkpoint: Annotated[str, "Folder or hub name."] = PUBLISHED,
    threshold: Threshold = 0.5,
    device: Placed = AUTO,
    resize: Resize = PROBABILITIES,
    revision: Revision = "",
    dtype: Precision = None,
    quantize: Quantized = NONE,
) -> Sam3Segmenter:
    """Any SAM3 checkpoint by hub name or folder; facebook/sam3 by default, on a GPU where there is one."""
    if not checkpoint:
        raise ConfigurationError("sam3: expected a checkpoint name or folder, got an empty string")
    return Sam3Segmenter(
        checkpoint, threshold=threshold, device=device, resize=resize, revision=revision, dtype=dtype, quantize=quantize
    )
