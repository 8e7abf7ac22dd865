"""Train a tiny SAM3 from nothing on generated scenes: a dense warm start of its vision encoder, then concept phrases."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from workbench.tabletop import phrases
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS
from workbench.training.loop import Loop
from workbench.training.scenes import TrainingScene, draw
from workbench.training.tokenizer import clip_tokenizer


def build(image_size: int, vocabulary: int, pad: int, bos: int, eos: int) -> Any:
    """A randomly initialised `transformers.Sam3Model` of 2.5 million parameters: masks at half the image size.

    Its queries start on a grid over the image: with few queries and little training that replaces the long phase in
    which a DETR's queries specialise in places.
    """
    from transformers import Sam3Config, Sam3Model

    width = 64
    config = Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 160, "intermediate_size": 480, "num_hidden_layers": 6, "num_attention_heads": 5,
                "image_size": image_size, "patch_size": 8, "pretrain_image_size": image_size,
                "window_size": 8, "global_attn_indexes": [1, 3, 5],
            },
            "fpn_hidden_size": width, "scale_factors": [4.0, 2.0, 1.0, 0.5],
            "backbone_feature_sizes": [[image_size // 2] * 2, [image_size // 4] * 2, [image_size // 8] * 2],
        },
        text_config={
            "model_type": "clip_text_model", "vocab_size": vocabulary, "hidden_size": 64, "intermediate_size": 192,
            "projection_dim": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64,
            "hidden_act": "gelu", "pad_token_id": pad, "bos_token_id": bos, "eos_token_id": eos,
        },
        geometry_encoder_config={"hidden_size": width, "num_layers": 1, "num_attention_heads": 4, "intermediate_size": 128},
        detr_encoder_config={"hidden_size": width, "num_layers": 2, "num_attention_heads": 4, "intermediate_size": 256, "dropout": 0.0},
        detr_decoder_config={"hidden_size": width, "num_layers": 3, "num_queries": 16, "num_attention_heads": 4, "intermediate_size": 256, "dropout": 0.0},
        mask_decoder_config={"hidden_size": width, "num_attention_heads": 4},
    )  # fmt: skip
    model = Sam3Model(config)
    side = int(config.detr_decoder_config.num_queries**0.5)
    centres = (torch.arange(side) + 0.5) / side
    grid = torch.stack([*torch.meshgrid(centres, centres, indexing="xy"), *[torch.full((side, side), 0.25)] * 2], -1)
    with torch.no_grad():
        model.detr_decoder.reference_points.weight.copy_(torch.logit(grid.flatten(0, 1)))
    return model


@dataclass
class Detections:
    """Raw outputs for P phrases and Q queries; all decoder layers where `layers` says so.

    `logits [layers, P, Q]`, `boxes [layers, P, Q, 4]` cxcywh in 0..1, `masks [P, Q, h, w]` logits of the last layer,
    `presence [layers, P]` logits, `semantic [P, h, w]` logits.
    """

    logits: Tensor
    boxes: Tensor
    masks: Tensor
    presence: Tensor
    semantic: Tensor


def detect(model: Any, vision: Any, text: Tensor, text_mask: Tensor, image_of: Tensor) -> Detections:
    """`Sam3Model.forward` with the outputs of every decoder layer; `image_of [P]` says which image a phrase is about."""
    from transformers.models.sam3.modeling_sam3 import inverse_sigmoid

    features = [level[image_of] for level in vision.fpn_hidden_states[:-1]]
    positions = vision.fpn_position_encoding[-2][:1].expand(len(image_of), -1, -1, -1)
    encoded = model.detr_encoder(
        vision_features=[features[-1]], text_features=text, vision_pos_embeds=[positions], text_mask=text_mask
    )
    decoded = model.detr_decoder(
        vision_features=encoded.last_hidden_state,
        text_features=encoded.text_features,
        vision_pos_encoding=encoded.pos_embeds_flattened,
        text_mask=text_mask,
        spatial_shapes=encoded.spatial_shapes,
    )
    states = decoded.intermediate_hidden_states
    boxes = (inverse_sigmoid(decoded.reference_boxes) + model.detr_decoder.box_head(states)).sigmoid()
    logits = model.dot_product_scoring(
        decoder_hidden_states=states, text_features=encoded.text_features, text_mask=text_mask
    ).squeeze(-1)
    masks = model.mask_decoder(
        decoder_queries=states[-1],
        backbone_features=features,
        encoder_hidden_states=encoded.last_hidden_state,
        prompt_features=text,
        prompt_mask=text_mask,
    )
    return Detections(
        logits.float(),
        boxes.float(),
        masks.pred_masks.float(),
        decoded.presence_logits.squeeze(-1).float(),
        masks.semantic_seg[:, 0].float(),
    )


def boxes_of(masks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Boxes `[N, 4]` cxcywh in 0..1 of masks `[N, H, W]`, none of them empty."""
    _, height, width = masks.shape
    columns, rows = masks.any(1), masks.any(2)
    x0, x1 = columns.argmax(1), width - columns[:, ::-1].argmax(1)
    y0, y1 = rows.argmax(1), height - rows[:, ::-1].argmax(1)
    return np.stack([(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height], 1).astype(
        np.float32
    )


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU `[N, M]` of boxes cxcywh `[N, 4]` and `[M, 4]` (Rezatofighi et al. 2019)."""
    a0, a1 = a[:, None, :2] - a[:, None, 2:] / 2, a[:, None, :2] + a[:, None, 2:] / 2
    b0, b1 = b[None, :, :2] - b[None, :, 2:] / 2, b[None, :, :2] + b[None, :, 2:] / 2
    overlap = (torch.minimum(a1, b1) - torch.maximum(a0, b0)).clamp(min=0).prod(-1)
    both = (a[:, None, 2:].prod(-1) + b[None, :, 2:].prod(-1)) - overlap
    hull = (torch.maximum(a1, b1) - torch.minimum(a0, b0)).prod(-1)
    return overlap / both.clamp(min=1e-6) - (hull - both) / hull.clamp(min=1e-6)


@torch.no_grad()
def assign(logits: Tensor, boxes: Tensor, target_boxes: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hungarian matching of queries `[Q]` with targets `[T]` by score, box distance and generalised IoU."""
    cost = 5 * torch.cdist(boxes, target_boxes, p=1) - 2 * generalised_iou(boxes, target_boxes) - logits.sigmoid()[:, None]
    return linear_sum_assignment(cost.numpy())  # type: ignore[no-any-return]


def focal(logits: Tensor, targets: Tensor) -> Tensor:
    """Focal loss with soft targets: cross entropy weighted by the squared distance from the target."""
    weight = (logits.detach().sigmoid() - targets).abs() ** 2
    return weight * F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """1 - soft dice `[N]` of mask logits and masks `[N, h, w]`."""
    p = logits.sigmoid()
    return 1 - (2 * (p * targets).sum((1, 2)) + 1) / (p.sum((1, 2)) + targets.sum((1, 2)) + 1)


def concept_losses(out: Detections, targets: list[Tensor], target_boxes: list[Tensor]) -> dict[str, Tensor]:
    """Losses of concept segmentation; `targets[p] [T, h, w]` float masks at the resolution of the predicted masks."""
    layers = len(out.logits)
    present = torch.tensor([len(t) > 0 for t in targets], dtype=torch.float32)
    total = max(1, sum(len(t) for t in targets))
    terms = {name: torch.zeros(()) for name in ("score", "box", "giou", "mask", "dice")}
    positives = [p for p, t in enumerate(targets) if len(t)]
    for layer in range(layers):
        goal = torch.zeros_like(out.logits[layer])
        chosen_boxes, chosen_targets, chosen_masks, mask_targets = [], [], [], []
        for p in positives:
            rows, columns = assign(out.logits[layer, p], out.boxes[layer, p], target_boxes[p])
            picked = torch.as_tensor(columns)
            boxes, wanted = out.boxes[layer, p, torch.as_tensor(rows)], target_boxes[p][picked]
            quality = generalised_iou(boxes.detach(), wanted).diagonal().clamp(0.3, 1)
            goal[p, torch.as_tensor(rows)] = quality
            chosen_boxes.append(boxes)
            chosen_targets.append(wanted)
            if layer == layers - 1:
                chosen_masks.append(out.masks[p, torch.as_tensor(rows)])
                mask_targets.append(targets[p][picked])
        if positives:
            terms["score"] = terms["score"] + focal(out.logits[layer, positives], goal[positives]).sum() / total
            boxes, wanted = torch.cat(chosen_boxes), torch.cat(chosen_targets)
            terms["box"] = terms["box"] + (boxes - wanted).abs().sum() / total
            terms["giou"] = terms["giou"] + (1 - generalised_iou(boxes, wanted).diagonal()).sum() / total
        if chosen_masks:
            masks, wanted_masks = torch.cat(chosen_masks), torch.cat(mask_targets)
            pixels = F.binary_cross_entropy_with_logits(masks, wanted_masks, reduction="none").mean((1, 2))
            terms["mask"], terms["dice"] = pixels.sum() / total, dice_loss(masks, wanted_masks).sum() / total
    terms["presence"] = F.binary_cross_entropy_with_logits(out.presence, present.expand(layers, -1))
    union = torch.stack([t.amax(0) if len(t) else torch.zeros_like(out.semantic[0]) for t in targets])
    terms["semantic"] = F.binary_cross_entropy_with_logits(out.semantic, union) + dice_loss(out.semantic, union).mean()
    return terms


WEIGHTS = {"score": 4.0, "box": 2.0, "giou": 1.0, "mask": 8.0, "dice": 2.0, "presence": 1.0, "semantic": 1.0, "dense": 0.5}


class DenseHead(nn.Module):
    """Category and colour of every pixel from the features at both ends of the pyramid; thrown away after training."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        classes = len(CATEGORIES) + 1 + len(COLOURS) + 1
        self.coarse = nn.Conv2d(hidden, classes * 4, 1)
        self.fine = nn.Conv2d(width, classes, 1)

    def forward(self, vision: Any) -> Tensor:
        """Logits `[B, classes, h, w]` at the finest level."""
        fine = vision.fpn_hidden_states[0]
        batch, tokens, hidden = vision.last_hidden_state.shape
        side = int(tokens**0.5)
        grid = vision.last_hidden_state.transpose(1, 2).reshape(batch, hidden, side, side)
        coarse = F.pixel_shuffle(self.coarse(grid), 2)
        return self.fine(fine) + F.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)


def dense_loss(logits: Tensor, categories: Tensor, colours: Tensor) -> Tensor:
    """Cross entropy over categories and colours; `categories`, `colours` `[B, h, w] int64`, 0 is background."""
    split = len(CATEGORIES) + 1
    foreground = 1 + 2.0 * (categories > 0)
    loss = F.cross_entropy(logits[:, :split].float(), categories, reduction="none")
    loss = loss + 0.5 * F.cross_entropy(logits[:, split:].float(), colours, reduction="none")
    return (loss * foreground).mean()


CATEGORY_INDEX = {name: i for i, name in enumerate(CATEGORIES, start=1)}
COLOUR_INDEX = {name: i for i, name in enumerate(COLOURS, start=1)}


def dense_targets(scenes: list[TrainingScene], stride: int) -> tuple[Tensor, Tensor]:
    """Category and colour index `[B, H / stride, W / stride]` of the object at each sampled pixel."""
    categories, colours = [], []
    for scene in scenes:
        index = scene.index[stride // 2 :: stride, stride // 2 :: stride]
        categories.append(np.array([0, *(CATEGORY_INDEX[o.category] for o in scene.objects)])[index])
        colours.append(np.array([0, *(COLOUR_INDEX[o.colour] for o in scene.objects)])[index])
    return torch.from_numpy(np.stack(categories)), torch.from_numpy(np.stack(colours))


def pixels(scenes: list[TrainingScene]) -> Tensor:
    """Normalised images `[B, 3, H, W]`, mean and standard deviation 0.5 as SAM3's processor does it."""
    stack = np.stack([scene.image for scene in scenes])
    return torch.from_numpy(stack).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def sample_phrases(scene: TrainingScene, rng: np.random.Generator, count: int) -> list[tuple[str, list[int]]]:
    """Phrases about a scene with the objects they name: two thirds present, the rest absent (half of those near misses)."""
    chosen: list[tuple[str, list[int]]] = []
    everything = phrases.ALL_PHRASES
    for i in range(count):
        if rng.random() < 0.68 or i == 0:
            own = phrases.noun_phrases(scene.objects[rng.integers(len(scene.objects))])
            phrase = own[rng.integers(len(own))]
        elif rng.random() < 0.6:
            a, b = (scene.objects[k] for k in rng.integers(len(scene.objects), size=2))
            colour = a.colour if rng.random() < 0.5 else list(COLOURS)[rng.integers(len(COLOURS))]
            phrase = f"{colour} {b.category}"
        else:
            phrase = everything[rng.integers(len(everything))]
        chosen.append((phrase, [k for k, o in enumerate(scene.objects) if phrases.matches(phrase, o)]))
    return chosen


def concept_batch(
    scenes: list[TrainingScene], rng: np.random.Generator, count: int, side: int
) -> tuple[list[str], Tensor, list[Tensor], list[Tensor]]:
    """Phrases, the image of each `[P]`, their masks at `side` x `side` and their boxes."""
    texts: list[str] = []
    owners: list[int] = []
    targets: list[Tensor] = []
    boxes: list[Tensor] = []
    for i, scene in enumerate(scenes):
        masks = scene.masks()
        scale = masks.shape[1] // side
        small = masks.reshape(len(masks), side, scale, side, scale).mean((2, 4)).astype(np.float32)
        corners = boxes_of(masks)
        for phrase, named in sample_phrases(scene, rng, count):
            texts.append(phrase)
            owners.append(i)
            targets.append(torch.from_numpy(small[named]))
            boxes.append(torch.from_numpy(corners[named]))
    return texts, torch.tensor(owners), targets, boxes


def train(config: dict[str, Any], out: Path) -> None:
    """Recipe `sam3`. Keys: see `configs/sam3-tiny.yaml`."""
    torch.manual_seed(config["seed"])
    size = config["image_size"]
    tokenizer = clip_tokenizer()
    model = build(size, len(tokenizer), tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id)
    model.vision_encoder.backbone.compile()
    for part in (model.detr_encoder, model.detr_decoder, model.mask_decoder):
        part.config._attn_implementation = "eager"  # a fifth faster here: the fused kernel's backward is slow on a CPU
    head = DenseHead(160, 64)
    both = nn.ModuleDict({"model": model, "head": head})
    _warm_start(both, config, out / "dense")
    vision = [p for n, p in model.named_parameters() if n.startswith("vision_encoder.backbone")]
    rest = [p for n, p in both.named_parameters() if not n.startswith("model.vision_encoder.backbone")]
    groups = [{"params": vision, "lr": config["vision_rate"]}, {"params": rest, "lr": config["rate"]}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.02, betas=(0.9, 0.98), fused=True)
    loop = Loop(out / "concepts", both, optimizer, minutes=config["minutes"])
    rng = np.random.default_rng([config["seed"], 1, loop.step])
    while not loop.finished:
        scenes = _next_scenes(loop, config, config["images"], start=10**7)
        texts, image_of, targets, boxes = concept_batch(scenes, rng, config["phrases"], size // 2)
        tokens = tokenizer(texts, padding=True, return_tensors="pt")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vision = model.vision_encoder(pixels(scenes))
            text = model.get_text_features(tokens.input_ids, tokens.attention_mask).pooler_output
            found = detect(model, vision, text, tokens.attention_mask.bool(), image_of)
            dense = head(vision)
        terms = concept_losses(found, targets, boxes)
        terms["dense"] = dense_loss(dense, *dense_targets(scenes, 2))
        loop.update(torch.stack([WEIGHTS[name] * value for name, value in terms.items()]).sum())
        loop.record(len(texts), {name: float(value.detach()) for name, value in terms.items()})
    loop.save()
    save(model, tokenizer, out / "final")


def _next_scenes(loop: Loop, config: dict[str, Any], images: int, start: int = 0) -> list[TrainingScene]:
    first = start + loop.step * images
    return [draw(config["seed"], n, size=config["image_size"]) for n in range(first, first + images)]


def _warm_start(both: nn.ModuleDict, config: dict[str, Any], out: Path) -> None:
    model, head = both["model"], both["head"]
    vision = nn.ModuleDict({"vision": model.vision_encoder, "head": head})  # type: ignore[dict-item]
    optimizer = torch.optim.AdamW(vision.parameters(), lr=config["dense_rate"], weight_decay=0.02, betas=(0.9, 0.98), fused=True)
    loop = Loop(out, vision, optimizer, minutes=config["dense_minutes"])
    while not loop.finished:
        scenes = _next_scenes(loop, config, 32)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = head(model.vision_encoder(pixels(scenes)))  # type: ignore[operator]
        categories, colours = dense_targets(scenes, 2)
        loss = dense_loss(logits, categories, colours)
        loop.update(loss)
        guess = logits[:, : len(CATEGORIES) + 1].argmax(1)
        object_pixels = categories > 0
        loop.record(
            len(scenes),
            {"loss": float(loss.detach()), "category accuracy": float((guess == categories)[object_pixels].float().mean())},
        )
    loop.save()


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write the checkpoint in half precision, as `Sam3Model.from_pretrained` and `AutoTokenizer` read it."""
    shutil.rmtree(folder, ignore_errors=True)
    half = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=half)
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}))
