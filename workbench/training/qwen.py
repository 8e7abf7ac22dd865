"""Train a tiny Qwen3-VL from nothing to talk about generated scenes: the start of both the agent's language model and
InstructSAM's, as Qwen3-VL is for the published ones.

One sequence is a conversation about one image: describe it, what is where, and instructions answered by a noun phrase,
the places of all it names and those of the targets. A place is a cell "x y" of an 8 x 8 grid, which is also the grid of
the image tokens.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.tabletop import phrases
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS, SIZES
from workbench.training.ahead import ahead
from workbench.training.loop import Loop
from workbench.training.recipes import QwenRecipe
from workbench.training.scenes import TrainingScene, draw
from workbench.training.tokenizer import COMMON_WORDS, chat_tokenizer
from workbench.training.tracker import Tracker

PATCH, MERGE, GRID = 8, 2, 8


def build(tokenizer: Any, image_size: int) -> Any:
    """A randomly initialised Qwen3-VL of 3.4 million parameters: 64 image tokens at 128 px."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    ids = tokenizer.convert_tokens_to_ids
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 192, "intermediate_size": 384, "num_hidden_layers": 5,
            "num_attention_heads": 6, "num_key_value_heads": 3, "head_dim": 32, "max_position_embeddings": 2048,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [6, 5, 5], "mrope_interleaved": True,
            },
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "depth": 4, "hidden_size": 128, "intermediate_size": 384, "num_heads": 4, "patch_size": PATCH,
            "spatial_merge_size": MERGE, "temporal_patch_size": 2, "out_hidden_size": 192,
            "num_position_embeddings": (image_size // PATCH) ** 2, "deepstack_visual_indexes": [1],
        },
        image_token_id=ids("<|image_pad|>"), video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"), vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )  # fmt: skip
    model = Qwen3VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def patches(images: NDArray[np.uint8]) -> Tensor:
    """Images `[B, H, W, 3] uint8` as Qwen3-VL's `pixel_values [B * patches, 3 * 2 * p * p]`: patches of one merged
    token stand together, a still image counts as two equal frames, mean and standard deviation are 0.5."""
    count, height, width, _ = images.shape
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    block = PATCH * MERGE
    x = x.reshape(count, 3, height // block, MERGE, PATCH, width // block, MERGE, PATCH)
    x = x.permute(0, 2, 5, 3, 6, 1, 4, 7).reshape(-1, 3, 1, PATCH, PATCH)
    return x.expand(-1, -1, 2, -1, -1).reshape(len(x), -1)


def cells(scene: TrainingScene) -> list[tuple[int, int]]:
    """The grid cell `x, y` of each object: that of the mean of its visible pixels."""
    side = scene.index.shape[0]
    found = []
    for mask in scene.masks():
        rows, columns = np.nonzero(mask)
        found.append((int(columns.mean() * GRID / side), int(rows.mean() * GRID / side)))
    return found


def places(chosen: list[tuple[int, int]]) -> str:
    """Cells in reading order: `3 1; 0 4`; `none` for no cell."""
    return "; ".join(f"{x} {y}" for x, y in sorted(chosen, key=lambda c: (c[1], c[0]))) or "none"


def conversation(scene: TrainingScene, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Questions and answers about one scene."""
    at = cells(scene)
    order = sorted(range(len(at)), key=lambda i: (at[i][1], at[i][0]))
    listed = "; ".join(
        f"{at[i][0]} {at[i][1]} {scene.objects[i].size} {scene.objects[i].colour} {scene.objects[i].category}"
        for i in order
    )
    turns = [("Describe.", listed)] if rng.random() < 0.5 else []
    for _ in range(2):
        if rng.random() < 0.7:
            own = phrases.noun_phrases(scene.objects[rng.integers(len(scene.objects))])
        else:
            own = list(phrases.ALL_PHRASES)
        phrase = own[rng.integers(len(own))]
        turns.append(
            (f"Where: {phrase}", places([at[i] for i, o in enumerate(scene.objects) if phrases.matches(phrase, o)]))
        )
    for i in scene.instructions:
        named = [at[k] for k, o in enumerate(scene.objects) if phrases.matches(i.phrase, o)]
        turns.append((i.text, f"{i.phrase}: {places(named)} -> {places([at[k] for k in i.targets])}"))
    return [turns[int(i)] for i in rng.permutation(len(turns))]


class Encoder:
    """Conversations as token ids, with labels on the answers alone."""

    def __init__(self, tokenizer: Any, image_size: int) -> None:
        self.tokenizer = tokenizer
        self.pad: int = tokenizer.pad_token_id
        self.side = image_size // PATCH
        image_tokens = (self.side // MERGE) ** 2
        self.end = self.ids("<|im_end|>")
        self.head = self.ids("<|im_start|>user\n<|vision_start|>" + "<|image_pad|>" * image_tokens + "<|vision_end|>")
        self.user, self.assistant, self.newline = (
            self.ids(t) for t in ("<|im_start|>user\n", "<|im_start|>assistant\n", "\n")
        )

    def ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def encode(self, turns: list[tuple[str, str]], limit: int) -> tuple[list[int], list[int]]:
        """Ids and labels; turns past `limit` tokens are left out."""
        ids = list(self.head)
        labels = [-100] * len(ids)
        for number, (question, answer) in enumerate(turns):
            asked = ([] if number == 0 else self.user) + self.ids(question) + self.end + self.newline + self.assistant
            said = self.ids(answer) + self.end
            if len(ids) + len(asked) + len(said) >= limit:
                break
            ids += asked + said + self.newline
            labels += [-100] * len(asked) + said + [-100] * len(self.newline)
        return ids, labels


def collate(rows: list[tuple[list[int], list[int]]], pad: int) -> tuple[Tensor, Tensor]:
    """Right-padded ids and labels `[B, L]`; causal attention needs no mask for padding on the right."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), longest), pad)
    labels = torch.full((len(rows), longest), -100)
    for i, (row, wanted) in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        labels[i, : len(row)] = torch.tensor(wanted)
    return ids, labels


def forward(model: Any, pixels: Tensor, ids: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Last hidden states `[B, L, D]` of conversations about the first B images, and the image tokens `[N * 64, D]` of
    all N images, with `pixels` as `patches` gives them."""
    grid = torch.tensor([[1, side, side]], device=pixels.device).expand(len(pixels) // side**2, -1)
    kinds = (ids == model.config.image_token_id).int()
    vision = model.model.visual(pixels, grid_thw=grid, return_dict=True)
    embeds = model.get_input_embeddings()(ids)
    tokens = vision.pooler_output
    where = kinds.bool()
    shown = int(where.sum())
    embeds = embeds.masked_scatter(where[..., None], tokens[:shown].to(embeds.dtype))
    positions, _ = model.model.get_rope_index(ids, kinds, image_grid_thw=grid[: len(ids)])
    states = model.model.language_model(
        inputs_embeds=embeds,
        position_ids=positions,
        visual_pos_masks=where,
        deepstack_visual_embeds=[level[:shown] for level in vision.deepstack_features],
        use_cache=False,
    ).last_hidden_state
    return states, tokens


def answer_loss(model: Any, states: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy over the labelled tokens; the head runs on those alone."""
    wanted = labels[:, 1:]
    chosen = wanted != -100
    logits = model.lm_head(states[:, :-1][chosen]).float()
    return F.cross_entropy(logits, wanted[chosen])


class CellHead(nn.Module):
    """Category, colour, size and centre of the object on a 4 x 4 grid inside each image token: a dense signal, thrown
    away after training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.classes = [len(words) + 1 for words in VOCABULARIES]
        self.linear = nn.Linear(width, 16 * (sum(self.classes) + 2))

    def loss(self, tokens: Tensor, truth: "CellTruth") -> tuple[Tensor, float]:
        """Cross entropy against the objects at the sampled pixels plus the distance to their centres, and the share of
        object pixels whose category is right. `tokens [B * 64, width]`."""
        outputs = self.linear(tokens.float()).reshape(-1, sum(self.classes) + 2)
        category = truth.words[0]
        weight = 1 + 2.0 * (category > 0)
        loss = torch.zeros((), device=outputs.device)
        parts = outputs.split([*self.classes, 2], 1)
        for scale, logits, names in zip((1.0, 0.5, 0.3), parts, truth.words, strict=False):
            loss = loss + scale * (F.cross_entropy(logits, names, reduction="none") * weight).mean()
        seen = category > 0
        loss = loss + 0.5 * (outputs[seen, -2:] - truth.centres[seen]).abs().mean()
        return loss, float((outputs[:, : self.classes[0]].argmax(1) == category)[seen].float().mean())


@dataclass(frozen=True)
class CellTruth:
    """What stands at each sampled pixel of B images: `words [3, B * 64 * 16]`, the index of its category, colour and
    size counted from 1, 0 for background; `centres [B * 64 * 16, 2]`, x, y from there to its object's centre in
    cells."""

    words: Tensor
    centres: Tensor


VOCABULARIES = (tuple(CATEGORIES), tuple(COLOURS), tuple(SIZES))


def cell_truth(scenes: Sequence[TrainingScene]) -> CellTruth:
    """The truth for `CellHead`."""
    found: list[list[NDArray[np.int64]]] = [[], [], []]
    centres = []
    step = np.arange(GRID * 4) / 4 + 0.5 / 4
    for scene in scenes:
        index = scene.index[2::4, 2::4]
        for kept, words, name in zip(found, VOCABULARIES, ("category", "colour", "size"), strict=True):
            kept.append(_blocks(np.array([0, *(words.index(getattr(o, name)) + 1 for o in scene.objects)])[index]))
        scale = GRID / scene.index.shape[0]
        middle = [[columns.mean() * scale, rows.mean() * scale] for rows, columns in map(np.nonzero, scene.masks())]
        off = np.array([[0.0, 0.0], *middle])[index] - np.stack(np.meshgrid(step, step), -1)
        centres.append(np.stack([_blocks(off[..., 0]), _blocks(off[..., 1])], -1))
    words_there = np.stack([np.concatenate(kept) for kept in found])
    return CellTruth(torch.from_numpy(words_there), torch.from_numpy(np.concatenate(centres)).float())


def _blocks(grid: NDArray[Any]) -> NDArray[Any]:
    """A map `[32, 32]` as the 4 x 4 pixels of each image token, tokens in reading order, flat."""
    return grid.reshape(GRID, 4, GRID, 4).transpose(0, 2, 1, 3).reshape(-1)


def corpus() -> list[str]:
    """Texts that the tokenizer learns its merges from: conversations, phrases and the agent's tool calls."""
    rng = np.random.default_rng(0)
    scenes = (draw(0, number, size=128, asked=5) for number in range(2000))
    said = [part for scene in scenes for turn in conversation(scene, rng) for part in turn]
    calls = [
        '<think>x</think><tool>{"name": "segment_phrase", "parameters": {"text_prompt": "' + phrase + '"}}</tool>'
        for phrase in phrases.ALL_PHRASES
    ]
    other = [
        '{"name": "examine_each_mask", "parameters": {}}', '{"name": "report_no_mask", "parameters": {}}',
        '{"name": "select_masks_and_return", "parameters": {"final_answer_masks": [1, 2, 3]}}',
        "system user assistant\n", "Accept", "Reject", " masks", " mask", "Masks:", " small", " medium", " large",
    ]  # fmt: skip
    return [*said, *calls, *other * 200, *(f"the {word}" for word in COMMON_WORDS)]


@dataclass(frozen=True)
class Batch:
    """One step: conversations about the first B images, `ids` and `labels [B, L]`, the `images [N, H, W, 3] uint8`,
    and what stands where in all N."""

    ids: Tensor
    labels: Tensor
    images: NDArray[np.uint8]
    truth: CellTruth


def prepare(encoder: Encoder, scenes: Sequence[TrainingScene], talked: int, rng: np.random.Generator) -> Batch:
    """A batch of one conversation about each of the first `talked` scenes."""
    rows = [encoder.encode(conversation(scene, rng), 420) for scene in scenes[:talked]]
    images = np.stack([scene.image for scene in scenes])
    return Batch(*collate(rows, encoder.pad), images, cell_truth(scenes))


def train(config: QwenRecipe, out: Path) -> None:
    """Run the recipe; the checkpoint is in `out/final`, and written now and then on the way."""
    torch.manual_seed(config["seed"])
    size, talked = config["image_size"], config["images"]
    model, tokenizer = _start(config)
    both = nn.ModuleDict({"model": model, "head": CellHead(192)}).to(config.get("device", "cpu"))
    encoder = Encoder(tokenizer, size)
    optimizer = torch.optim.AdamW(
        both.parameters(), lr=config["rate"], weight_decay=0.02, betas=(0.9, 0.98), fused=True
    )

    def make(step: int) -> Batch:
        first = step * (talked + config["more"])
        scenes = [draw(config["seed"], first + n, size=size, asked=config["instructions"]) for n in range(talked)]
        scenes += [draw(config["seed"], first + talked + n, size=size) for n in range(config["more"])]
        return prepare(encoder, scenes, talked, np.random.default_rng([config["seed"], 2, step]))

    with Tracker(out, config, config.get("tracking_uri")) as tracker:
        loop = Loop(out, both, optimizer, minutes=config["minutes"], track=tracker.log)
        batches = ahead(make, loop.step, config.get("workers", 0))
        while not loop.finished:
            text, dense, right = losses(both, encoder, next(batches))
            loop.update(text + 0.3 * dense)
            values = {"text": float(text.detach()), "dense": float(dense.detach()), "category accuracy": right}
            loop.record(talked, values)
            if loop.step % 400 == 0:
                save(model, tokenizer, out / "final")
        loop.save()
        save(model, tokenizer, out / "final")


def _start(config: QwenRecipe) -> tuple[Any, Any]:
    """Model and tokenizer: new ones, or those of the checkpoint `start`."""
    if "start" in config:
        from transformers import AutoTokenizer, Qwen3VLForConditionalGeneration

        folder = config["start"]
        model = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
        return model.train(), AutoTokenizer.from_pretrained(folder)
    tokenizer = chat_tokenizer(corpus())
    return build(tokenizer, config["image_size"]), tokenizer


def losses(both: nn.ModuleDict, encoder: Encoder, batch: Batch) -> tuple[Tensor, Tensor, float]:
    """Text loss of the conversations, dense loss of all images, and the share of object pixels whose category the
    dense head has right."""
    model: Any = both["model"]
    head: Any = both["head"]
    device = model.device
    with torch.autocast(device.type, dtype=torch.bfloat16):
        states, tokens = forward(model, patches(batch.images).to(device), batch.ids.to(device), encoder.side)
        text = answer_loss(model, states, batch.labels.to(device))
    truth = CellTruth(batch.truth.words.to(device), batch.truth.centres.to(device))
    return text, *head.loss(tokens, truth)


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write the checkpoint in half precision, as `Qwen3VLForConditionalGeneration.from_pretrained` reads it."""
    shutil.rmtree(folder, ignore_errors=True)
    half = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        half.pop("lm_head.weight")
    model.save_pretrained(folder, state_dict=half)
    tokenizer.save_pretrained(folder)
