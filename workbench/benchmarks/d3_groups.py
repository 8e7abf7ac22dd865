"""The groups and sentences of D3's toolkit: what an image is asked, and which descriptions are of absence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.benchmarks.coco_file import categories_of, is_id
from workbench.benchmarks.json_stream import Listed
from workbench.benchmarks.plain_pickle import read_plain_pickle
from workbench.benchmarks.reading import is_text, read_list
from workbench.data.errors import ConfigurationError, short

ABSENCE, PRESENCE = "absence", "presence"


@dataclass(frozen=True)
class Groups:
    """What is known beside the annotations; `files` were read for it."""

    files: tuple[Path, ...] = ()
    asked: Mapping[int, frozenset[int]] | None = None
    """ids of descriptions by image; None where every image is asked all"""
    absent: Mapping[int, bool] = field(default_factory=dict)
    """whether a description is one of absence, by id"""
    texts: Mapping[int, object] | None = None
    """Chinese texts by id; None for English"""

    def asks(self, image: object, description: int) -> bool:
        """Whether an image is asked for a description."""
        return self.asked is None or (is_id(image) and description in self.asked.get(image, frozenset()))

    def kind(self, description: int) -> str | None:
        """`presence` or `absence`, None where that is not known."""
        return {True: ABSENCE, False: PRESENCE, None: None}[self.absent.get(description)]

    def text(self, description: int, name: str) -> object:
        """The text of a description in the language that is asked."""
        return name if self.texts is None else self.texts.get(description)


def read_groups(annotations: Path, folder: Path, grouped: bool, chinese: bool) -> Groups:
    """Read what the toolkit's folder has. `grouped`: images are asked the descriptions of their groups, which needs
    its groups; `chinese` needs its sentences.

    Descriptions of absence are those in the annotation file for absence that lies beside the annotations; without it
    and where sentences are read, those that the sentences call so. Raises `ConfigurationError` for what is needed and
    not there.
    """
    files: list[Path] = []
    asked = _asked(*_needed(folder, "groups", "setting", "inter", files)) if grouped else None
    texts = None
    absent: dict[int, bool] = {}
    for name, is_absent in (("pres", False), ("abs", True)):
        file = annotations.with_name(f"d3_{name}_annotations.json")
        if file.is_file():
            absent |= dict.fromkeys(categories_of(file, shared_names=True), is_absent)
            files += [file] if file != annotations else []
    if chinese or (not absent and _there(folder, "sentences")):
        entries = _sentences(*_needed(folder, "sentences", "language", "en", files))
        absent |= {key: entry["is_negative"] for key, entry in entries.items()}
        texts = {key: entry["raw_sent_zh"] for key, entry in entries.items()} if chinese else None
    return Groups(tuple(files), asked, absent, texts)


def _there(folder: Path, name: str) -> Path | None:
    """The file of this name: a list in JSON before the published pickle, as it may stand in for it."""
    return next((file for ending in (".json", ".pkl") if (file := folder / f"{name}{ending}").is_file()), None)


def _needed(folder: Path, name: str, option: str, instead: str, files: list[Path]) -> tuple[Path, Listed]:
    """A file and the values in it; `files` gets it too."""
    file = _there(folder, name)
    if file is None:
        raise ConfigurationError(
            f"d3: there is no {folder / name}.pkl, nor {name}.json with the list of its values; "
            f"without it, --set d3.{option}={instead}"
        )
    files.append(file)
    if file.suffix == ".json":
        return file, read_list(file, f"the values in {name}.pkl")
    value = read_plain_pickle(file)
    if not isinstance(value, dict | list):
        raise ConfigurationError(f"{file}: expected a dict of {name} by id, got {short(value)}")
    return file, list(value.values()) if isinstance(value, dict) else value


def _asked(file: Path, groups: Listed) -> dict[int, frozenset[int]]:
    """The descriptions of each image's group."""
    asked: dict[int, frozenset[int]] = {}
    for i, group in enumerate(groups):
        lists = [group.get(key) if isinstance(group, dict) else None for key in ("img_id", "inner_sent_id")]
        if not all(isinstance(ids, list) and all(is_id(one) for one in ids) for ids in lists):
            raise ConfigurationError(
                f"{file}: group {i}: expected lists of ids `img_id` and `inner_sent_id`, got {short(group)}"
            )
        images, descriptions = lists
        for image in images or []:
            asked[image] = asked.get(image, frozenset()) | frozenset(descriptions or [])
    return asked


def _sentences(file: Path, sentences: Listed) -> dict[int, dict[str, Any]]:
    by_id: dict[int, dict[str, Any]] = {}
    for i, entry in enumerate(sentences):
        sentence: dict[str, Any] = entry if isinstance(entry, dict) else {}
        key, text = sentence.get("id"), sentence.get("raw_sent_zh")
        named = text is None or (isinstance(text, str) and is_text(text))
        if not is_id(key) or key in by_id or type(sentence.get("is_negative")) is not bool or not named:
            raise ConfigurationError(
                f"{file}: sentence {i}: expected an `id` of its own, `is_negative` true or false, and a text "
                f"`raw_sent_zh`, got {short(entry)}"
            )
        by_id[key] = {"raw_sent_zh": None, **sentence}
    return by_id
