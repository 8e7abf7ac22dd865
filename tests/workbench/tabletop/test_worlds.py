"""The second world: other objects and words, written to files and read with the truth as the first one is."""

import json
from pathlib import Path

import pytest

from workbench.data.errors import ConfigurationError
from workbench.tabletop.benchmark import generate, tabletop
from workbench.tabletop.phrases import ANYTHING, parse
from workbench.tabletop.vocabulary import FIRST
from workbench.tabletop.worlds import CATEGORIES, KINDS, SECOND, WORLDS
from workbench.tabletop.writer import MANIFEST


def test_no_word_belongs_to_both_worlds_and_each_is_complete() -> None:
    assert len(CATEGORIES) == len(FIRST.categories) + len(SECOND.categories)
    assert len(KINDS) == len(FIRST.kinds) + len(SECOND.kinds) and not set(CATEGORIES) & set(KINDS)
    for world in WORLDS.values():
        assert {c.kind for c in world.categories.values()} == set(world.kinds)
        assert {use for c in world.categories.values() for use in c.uses} == set(world.uses)
        assert {category for category, _ in world.held_out} == set(world.categories)
        assert {colour for _, colour in world.held_out} <= set(world.colours)
    assert sorted(set(SECOND.colours) - set(FIRST.colours)) == ["brown", "teal", "white"]


def test_its_files_ask_for_its_objects_only_and_the_truth_is_what_the_phrase_names(tmp_path: Path) -> None:
    generate(tmp_path / "made", scenes=12, per_scene=6, size=64, world="second")
    texts, pictures = {}, {}
    for split in ("train", "test"):
        folder = tmp_path / "made" / split
        entries = json.loads((folder / f"{split}.json").read_text())
        pictures[split] = {(folder / entry["image"]).read_bytes() for entry in entries}
        texts[split] = " ".join(asked["text"] for entry in entries for asked in entry["annotation"]).split()
        for entry in entries:
            objects = entry["objects"]
            assert {o["category"] for o in objects} <= set(SECOND.categories)
            if split == "train":
                assert not SECOND.held_out & {(o["category"], o["colour"]) for o in objects}
            for asked in entry["annotation"]:
                phrase = parse(asked["phrase"], SECOND)
                named = [
                    o["mask"] for o in objects
                    if phrase.noun in (ANYTHING, o["category"], SECOND.categories[o["category"]].kind)
                    and phrase.colour in (None, o["colour"]) and phrase.size in (None, o["size"])
                ]  # fmt: skip
                assert all(mask in named for mask in asked.get("mask", []))
                if asked["kind"] in ("category", "attribute"):
                    assert asked.get("mask", []) == named
    assert not pictures["train"] & pictures["test"] and len(pictures["train"]) == 12
    assert not {*texts["train"], *texts["test"]} & {*FIRST.categories, *FIRST.kinds}


def test_the_benchmark_keeps_the_worlds_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (tabletop(scenes=3, per_scene=2, size=64, world=world) for world in WORLDS)
    assert second.image_root().name == f"{first.image_root().name}-second"
    assert "world" not in first.identity() and second.identity()["world"] == "second"
    assert "world" not in json.loads((first.image_root() / MANIFEST).read_text())
    assert len(list(second.samples())) == 6 and all(s.problem is None for s in second.samples())
    with pytest.raises(ConfigurationError, match="`world` to be one of first, second, got 'third'"):
        tabletop(world="third")
