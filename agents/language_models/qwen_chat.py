"""From chat messages to what a Qwen3-VL model takes: token ids, image patches and three-axis positions.

ChatML as in the published chat template of Qwen3-VL. Text can never spell a control token: `<|im_end|>` in a message is
encoded as the characters it consists of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agents.language_models.interface import Message, Picture
from workbench.data.errors import ConfigurationError


@dataclass(frozen=True)
class Patches:
    """One image as the vision encoder takes it: `pixels [height * width, channels]`, `height` x `width` patches."""

    pixels: Tensor
    height: int
    width: int


@dataclass(frozen=True)
class Encoded:
    """`ids` with one image token per merged patch, and the images that those stand for, in order."""

    ids: list[int]
    pictures: list[Picture]
    patches: list[Patches]


class QwenChat:
    """Tokenizer and image processor of one checkpoint folder or hub name."""

    def __init__(self, checkpoint: str | Path) -> None:
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

        from workbench.foundations.loading import load_tokenizer

        self.tokenizer: Any = load_tokenizer(checkpoint)
        # the processor that works without torchvision; same numbers as the torchvision one up to resampling
        self._processor: Any = Qwen2VLImageProcessorPil.from_pretrained(checkpoint)
        self.merge: int = self._processor.merge_size
        known = self.tokenizer.get_vocab()
        names = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|image_pad|>", "<|vision_end|>")
        missing = [name for name in names if name not in known]
        if missing:
            raise ConfigurationError(
                f"tokenizer of {Path(checkpoint).name}: no {', '.join(missing)}; not a Qwen-VL one"
            )
        self.start, self.end, self.vision_start, self.image, self.vision_end = (known[name] for name in names)

    def encode(self, messages: Sequence[Message]) -> Encoded:
        """The prompt for a reply: every message, then the opening of the assistant's turn."""
        ids: list[int] = []
        pictures: list[Picture] = []
        patches: list[Patches] = []
        for message in messages:
            ids.append(self.start)
            text = f"{message.role}\n"
            for part in message.parts:
                if isinstance(part, str):
                    text += part
                    continue
                image = part.once((self, "patches"), partial(self.cut, part.pixels))
                tokens = image.height * image.width // self.merge**2
                ids += [*self.tokens(text), self.vision_start, *[self.image] * tokens, self.vision_end]
                text = ""
                pictures.append(part)
                patches.append(image)
            ids += [*self.tokens(text), self.end, *self.tokens("\n")]
        return Encoded([*ids, self.start, *self.tokens("assistant\n")], pictures, patches)

    def tokens(self, text: str) -> list[int]:
        """Token ids of plain text."""
        if not text:
            return []
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
        return ids

    def text(self, ids: Sequence[int]) -> str:
        """The text of token ids, without control tokens."""
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text

    def cut(self, pixels: Any) -> Patches:
        """Resize, normalise and cut an image `[H, W, 3] uint8` into patches."""
        out = self._processor(images=[pixels], return_tensors="pt", input_data_format="channels_last")
        _, height, width = out.image_grid_thw[0].tolist()
        return Patches(out.pixel_values, height, width)

    def positions(self, encoded: Encoded) -> Tensor:
        """Positions `[3, S]` in time, height and width. In text all three count on together. An image is a grid that
        starts at the position after the text; the text after it starts further by the image's longer side (Qwen2-VL,
        arXiv 2409.12191).
        """
        pieces: list[Tensor] = []
        images = iter(encoded.patches)
        now = done = 0
        while done < len(encoded.ids):
            if encoded.ids[done] == self.image:
                patch = next(images)
                height, width = patch.height // self.merge, patch.width // self.merge
                y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
                pieces.append(torch.stack([torch.zeros_like(y), y, x]).flatten(1) + now)
                now += max(height, width)
                done += height * width
                continue
            stop = next((i for i in range(done, len(encoded.ids)) if encoded.ids[i] == self.image), len(encoded.ids))
            pieces.append((torch.arange(stop - done) + now).expand(3, -1))
            now += stop - done
            done = stop
        return torch.cat(pieces, dim=1)
