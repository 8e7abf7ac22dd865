"""What a checkpoint's card says for comparisons: the mapping `conditions` in the YAML at the head of its README.md."""

from pathlib import Path
from typing import TypedDict

from workbench.data.errors import ConfigurationError
from workbench.data.yaml_files import parse_yaml

KEYS = ("detector", "training", "threshold_chosen", "knows", "benchmarks")
FENCE = "---\n"


class Card(TypedDict, total=False):
    """Sentences of a card; see `workbench.data.conditions.Conditions`. `threshold` is the one that was chosen."""

    detector: str
    training: str
    threshold_chosen: str
    knows: str
    benchmarks: str
    threshold: float


def card(checkpoint: str | Path) -> Card:
    """The card of a checkpoint folder; empty for a hub name, and where the folder has no card that can be read."""
    file = Path(checkpoint) / "README.md"
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        head = text.removeprefix(FENCE).split(f"\n{FENCE}", 1)[0] if text.startswith(FENCE) else ""
        found = parse_yaml(head, str(file))
    except (OSError, UnicodeError, ConfigurationError):  # a card decides nothing
        return {}
    said = found.get("conditions") if isinstance(found, dict) else None
    if not isinstance(said, dict):
        return {}
    known: Card = {}
    for key in KEYS:
        if isinstance(said.get(key), str):
            known[key] = said[key]  # type: ignore[literal-required]
    if isinstance(said.get("threshold"), int | float):
        known["threshold"] = float(said["threshold"])
    return known


def chosen(about: Card, threshold: float) -> str | None:
    """What a card says of the choice of this threshold; of another one, that it was set."""
    if "threshold" not in about:
        return about.get("threshold_chosen")
    if about["threshold"] == threshold:
        return about.get("threshold_chosen")
    return f"set for this run; the checkpoint's own is {about['threshold']:g}"
