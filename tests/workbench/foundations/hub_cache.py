"""A cache of the hub with one model in it, as huggingface_hub lays it out."""

from pathlib import Path

import pytest

COMMIT, OLDER = "a" * 40, "b" * 40


def cache(name: str, checkpoint: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the hub's cache to `root`, with this checkpoint under a hub name at two commits; offline."""
    from huggingface_hub import constants

    held = root / f"models--{name.replace('/', '--')}"
    for commit in (COMMIT, OLDER):
        (held / "snapshots").mkdir(parents=True, exist_ok=True)
        (held / "snapshots" / commit).symlink_to(checkpoint)
    (held / "refs").mkdir()
    (held / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(root))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
