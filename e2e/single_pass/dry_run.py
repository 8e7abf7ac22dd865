"""The dry run of a single-pass recipe: what it would learn from, and what a step would cost."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from e2e.single_pass.feed import Feed
from e2e.single_pass.tabletop_task import TabletopScenes
from workbench.foundations.training.data import survey
from workbench.foundations.training.data.stream import Stream
from workbench.foundations.training.measuring import measured


def look(feed: Feed, out: Path) -> None:
    """Print what the sources have, and draw twelve pictures of the training in `dry-run.png`."""
    stream = feed.stream or Stream([TabletopScenes(feed.task, feed.seed)], feed.seed)
    survey.look(stream, out / survey.FIGURE)


def cost(
    feed: Feed,
    config: Mapping[str, Any],
    passes: int,
    once: Callable[[int], Tensor],
    model: nn.Module,
    device: torch.device,
) -> None:
    """Run a few passes without any step, and print the memory and time of the training."""
    found = measured(once, model, device)
    each = feed.epochs(1, passes)
    epoch = None if each is None else 1 / each
    print(found.text(passes, feed.steps(config, passes), float(config["minutes"]), epoch))
