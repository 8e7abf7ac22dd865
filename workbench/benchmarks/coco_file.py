"""Files in the layout of COCO: `{images: [...], annotations: [...], categories: [...]}`."""

from collections import defaultdict
from pathlib import Path
from typing import Any, TypeGuard

from workbench.benchmarks.reading import is_text, read_object
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.ids import Ids
from workbench.data.remarks import Remark

Entry = dict[str, Any]


class CocoFile:
    """Images and annotations by id. Raises `ConfigurationError` for a file without these lists.

    Ids that are written as whole floats or as digits in a text, as pandas does, are read as whole numbers. `remarks`
    mentions these, and the entries that are left out: entries without an id, entries that share an id, and annotations
    of images that are not in the file. `content` is all of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, path.name
        content = read_object(path, "{images, annotations, categories}")
        self.remarks = _with_whole_ids(path, content)
        self.content = content
        self.image_list: list[Any] = self._list(content, "images")
        self._images, self._doubled_images = self._by_id(self.image_list, "image")
        annotations = self._list(content, "annotations")
        self._annotations, self._doubled_annotations = self._by_id(annotations, "annotation")
        self._of_image: dict[int, list[Entry]] = defaultdict(list)
        for i, entry in enumerate(annotations):
            image = entry.get("image_id") if isinstance(entry, dict) else None
            if not is_id(image):
                self._remark(f"annotation {i} is left out: expected an `image_id`, got {short(image)}")
            elif image not in self._images:
                self._remark(f"annotation {i} is left out: there is no image of id {image}")
            else:
                self._of_image[image].append(entry)
        self._categories = _names(content.get("categories"))

    def image(self, image_id: object, where: str) -> Entry:
        """The one image of this id; raises `SampleError` where there is none or several."""
        return self._one(image_id, self._images, self._doubled_images, "image", where)

    def annotation(self, annotation_id: object, where: str) -> Entry:
        """The one annotation of this id; raises `SampleError` where there is none or several."""
        return self._one(annotation_id, self._annotations, self._doubled_annotations, "annotation", where)

    def image_ids(self) -> list[int]:
        """The ids of all images, in file order."""
        return list(self._images)

    def has_image(self, image_id: int) -> bool:
        """Whether an image has this id."""
        return image_id in self._images

    def annotations_of(self, image_id: int) -> list[Entry]:
        """The annotations of an image, in file order."""
        return self._of_image.get(image_id, [])

    def category(self, annotation: Entry) -> str:
        """Name of an annotation's category, `object` where it has none."""
        key = annotation.get("category_id")
        return self._categories.get(key, "object") if is_id(key) else "object"

    def _one(self, key: object, by_id: dict[int, Entry], doubled: set[int], what: str, where: str) -> Entry:
        if not is_id(key) or key not in by_id:
            raise SampleError(f"{where}: {self.name} has no {what} of id {short(key)}")
        if key in doubled:
            raise SampleError(f"{where}: {self.name} has several {what}s of id {short(key)}")
        return by_id[key]

    def _by_id(self, entries: list[Any], what: str) -> tuple[dict[int, Entry], set[int]]:
        by_id: dict[int, Entry] = {}
        doubled: set[int] = set()
        for i, entry in enumerate(entries):
            key = entry.get("id") if isinstance(entry, dict) else None
            if not is_id(key):
                self._remark(f"{what} {i} has no `id`: {short(entry)}")
                continue
            if key in by_id:
                doubled.add(key)
                self._remark(f"{what} {i} has the id {key} of another one")
            by_id[key] = entry
        return by_id, doubled

    def _list(self, content: dict[str, Any], key: str) -> list[Any]:
        value = content.get(key)
        if not isinstance(value, list):
            raise ConfigurationError(f"{self.path}: expected a list of {key}, got {short(value)}")
        return value

    def _remark(self, text: str) -> None:
        self.remarks.append(Remark(self.path, text))


def categories_of(path: Path) -> object:
    """What a file has as `categories`, with whole ids; raises `ConfigurationError` for a file that is no object."""
    content = read_object(path, "{images, annotations, categories}")
    _with_whole_ids(path, content)
    return content.get("categories")


def _with_whole_ids(path: Path, content: dict[str, Any]) -> list[Remark]:
    """Turn ids and flags that stand for whole numbers into whole numbers, throughout a file, and report it."""
    ids = Ids()
    for part, what, keys in (
        ("images", "image", ("id", "is_instance_exhaustive")),
        ("annotations", "annotation", ("id", "image_id", "category_id", "iscrowd", "description_ids")),
        ("descriptions", "description", ("id", "image_ids")),
        ("categories", "category", ("id",)),
    ):
        entries = content.get(part)
        for i, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict):
                for key in keys:
                    ids.mend(entry, key, f"{what} {i}")
    return [Remark(path, note, mended=True) for note in ids.notes()]


def is_id(value: object) -> TypeGuard[int]:
    """Whether a JSON value can be an id of COCO: a whole number."""
    return type(value) is int


def is_crowd(annotation: Entry, where: str) -> bool:
    """Whether an annotation stands for a group of objects (`iscrowd`); without the flag it does not. `SampleError` for
    another value.
    """
    value = annotation.get("iscrowd", 0)
    if value not in (0, 1) or isinstance(value, float):
        raise SampleError(f"{where}: expected `iscrowd` 0 or 1, got {short(value)}")
    return bool(value)


def _names(categories: object) -> dict[int, str]:
    entries = categories if isinstance(categories, list) else []
    return {
        entry["id"]: entry["name"]
        for entry in entries
        if isinstance(entry, dict)
        and is_id(entry.get("id"))
        and isinstance(entry.get("name"), str)
        and is_text(entry["name"])
    }
