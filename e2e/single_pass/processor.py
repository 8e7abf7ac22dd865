"""Converts text and pixels to the model's inputs, and its output to words."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from e2e.single_pass.preprocess import PatchSettings, qwen_patches, sam_pixels
from workbench.data.errors import ConfigurationError
from workbench.runs.files import read_json

if TYPE_CHECKING:
    from workbench.plugins.interfaces import Image


class Processor:
    """A checkpoint's tokenizer and image settings; `config` is Qwen3-VL's with SAM3's as its `sam3_config`."""

    def __init__(self, tokenizer: Any, config: Any, patches: PatchSettings) -> None:
        self.tokenizer, self.config, self.patches = tokenizer, config, patches
        self.image_size = int(config.sam3_config.vision_config.image_size)
        self.end_token = self._id("<|im_end|>")
        self._start = self._id("<|im_start|>")
        self._fixed = {text: self.words(text) for text in ("user\n", "\n", "assistant\n")}

    @classmethod
    def from_pretrained(cls, folder: Path, config: Any) -> "Processor":
        """Read the tokenizer and `preprocessor_config.json` of a checkpoint folder."""
        from workbench.foundations.loading import load_tokenizer

        if not (folder / "tokenizer.json").exists():
            raise ConfigurationError(f"no tokenizer.json in checkpoint folder {folder}")
        record = folder / "preprocessor_config.json"
        settings = read_json(record) if record.exists() else {}
        patches = PatchSettings.from_config(config.vision_config, settings)
        return cls(load_tokenizer(folder), config, patches)

    def save_pretrained(self, folder: Path) -> None:
        """Write the tokenizer and `preprocessor_config.json`."""
        self.tokenizer.save_pretrained(folder)
        p = self.patches
        record = {
            "image_processor_type": "Qwen2VLImageProcessor",
            "patch_size": p.patch,
            "merge_size": p.merge,
            "temporal_patch_size": p.frames,
            "size": {"shortest_edge": p.min_pixels, "longest_edge": p.max_pixels},
            "image_mean": list(p.mean),
            "image_std": list(p.std),
        }
        (folder / "preprocessor_config.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

    def limit(self, max_pixels: int) -> None:
        """Show the language model images at no more pixels than this."""
        self.patches = replace(self.patches, max_pixels=min(max_pixels, self.patches.max_pixels))

    def words(self, text: str) -> list[int]:
        """Token ids of plain text; a special token's name in it stays text."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return ids

    def prompt(self, instruction: str, grid: tuple[int, int, int]) -> list[int]:
        """Token ids of a user's turn with one image of the given patch grid, up to where the answer begins."""
        tokens = grid[0] * grid[1] * grid[2] // self.patches.merge**2
        image = [
            self.config.vision_start_token_id,
            *[self.config.image_token_id] * tokens,
            self.config.vision_end_token_id,
        ]
        user, newline, assistant = self._fixed.values()
        asked = [self._start, *user, *image, *self.words(instruction), self.end_token]
        return [*asked, *newline, self._start, *assistant]

    def text(self, token_ids: Sequence[int]) -> str:
        """The words of token ids, without special tokens."""
        words: str = self.tokenizer.decode(list(token_ids), skip_special_tokens=True)
        return words.strip()

    def qwen_images(self, images: Sequence["Image"]) -> tuple[Tensor, Tensor]:
        """Patches of all images one after the other, and their grids `[images, 3]`."""
        patches, grids = zip(*(qwen_patches(image, self.patches) for image in images), strict=True)
        return torch.cat(patches), torch.tensor(grids)

    def sam_images(self, images: Sequence["Image"]) -> Tensor:
        """`[images, 3, S, S]` for SAM3's vision encoder."""
        return torch.stack([sam_pixels(image, self.image_size) for image in images])

    def _id(self, token: str) -> int:
        index = self.tokenizer.convert_tokens_to_ids(token)
        if not isinstance(index, int) or index == self.tokenizer.unk_token_id:
            raise ConfigurationError(f"the tokenizer has no token {token}")
        return index
