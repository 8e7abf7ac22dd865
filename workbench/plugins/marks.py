"""What a plugin's function says about itself beyond its options; importing this module is free."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
NEEDS, GENERATE, DRY_RUN = "checkpoint", "generate", "dry_run"


def needs(checkpoint: Path) -> Callable[[F], F]:
    """Decorates a system's function with the checkpoint folder that it loads by default, which may be missing."""

    def mark(function: F) -> F:
        setattr(function, NEEDS, checkpoint)
        return function

    return mark


def is_shipped(system: Callable[..., Any]) -> bool:
    """Whether a system's function finds the checkpoint that it loads by default; see `needs`."""
    checkpoint = getattr(system, NEEDS, None)
    return checkpoint is None or checkpoint.exists()


def generated_by(generate: Callable[..., Any]) -> Callable[[F], F]:
    """Decorates a benchmark's function with the one that writes its files: `generate(out, **options)`, which `workbench
    generate` calls; see `workbench.plugins.interfaces.Generated`."""

    def mark(function: F) -> F:
        setattr(function, GENERATE, generate)
        return function

    return mark


def tried_by(dry_run: Callable[..., None]) -> Callable[[F], F]:
    """Decorates a recipe's function with the one that trains nothing: `dry_run(config, out)`, which `workbench train
    --dry-run` calls, reads all data and prints what the training would see and need."""

    def mark(function: F) -> F:
        setattr(function, DRY_RUN, dry_run)
        return function

    return mark
