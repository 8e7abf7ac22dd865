"""Files in the layout of COCO: `{images: [...], annotations: [...], categories: [...]}`."""

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeGuard

from workbench.benchmarks.json_stream import Listed, is_listed
from workbench.benchmarks.reading import is_text, read_object, whole_ids
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
        self.content = read_object(path, "{images, annotations, categories}")
        self.remarks = _with_whole_ids(path, self.content)
        self.image_list = self.list_of("images")
        self._images, self._doubled_images = self._by_id(self.image_list, "image")
        self._annotation_list = self.list_of("annotations")
        self._of_image: dict[int, array[int]] = {}
        left_out: list[str] = []
        handed_out = self._hand_out(self._annotation_list, left_out)
        self._annotations, self._doubled_annotations = self._by_id(handed_out, "annotation")
        for text in left_out:
            self._remark(text)
        self._categories = _names(self.content.get("categories"))

    def list_of(self, key: str) -> Listed:
        """The list under a key; raises `ConfigurationError` where there is none."""
        value = self.content.get(key)
        if not is_listed(value):
            raise ConfigurationError(f"{self.path}: expected a list of {key}, got {short(value)}")
        return value

    def image(self, image_id: object, where: str) -> Entry:
        """The one image of this id; raises `SampleError` where there is none or several."""
        place = self._one(image_id, self._images, self._doubled_images, "image", where)
        image: Entry = self.image_list[place]
        return image

    def annotation(self, annotation_id: object, where: str) -> Entry:
        """The one annotation of this id; raises `SampleError` where there is none or several."""
        place = self._one(annotation_id, self._annotations, self._doubled_annotations, "annotation", where)
        annotation: Entry = self._annotation_list[place]
        return annotation

    def image_ids(self) -> list[int]:
        """The ids of all images, in file order."""
        return list(self._images)

    def has_image(self, image_id: int) -> bool:
        """Whether an image has this id."""
        return image_id in self._images

    def annotations_of(self, image_id: int) -> list[Entry]:
        """The annotations of an image, in file order."""
        return [self._annotation_list[i] for i in self._of_image.get(image_id, ())]

    def categories(self, shared_names: bool = False) -> dict[int, str]:
        """The names of the categories by id, in file order. Raises `ConfigurationError` where two share an id, or a
        name unless that is allowed.
        """
        return _category_names(self.path, self.content, shared_names)

    def category(self, annotation: Entry) -> str:
        """Name of an annotation's category, `object` where it has none."""
        key = annotation.get("category_id")
        return self._categories.get(key, "object") if is_id(key) else "object"

    def _one(self, key: object, by_id: dict[int, int], doubled: set[int], what: str, where: str) -> int:
        if not is_id(key) or key not in by_id:
            raise SampleError(f"{where}: {self.name} has no {what} of id {short(key)}")
        if key in doubled:
            raise SampleError(f"{where}: {self.name} has several {what}s of id {short(key)}")
        return by_id[key]

    def _hand_out(self, entries: Listed, left_out: list[str]) -> Iterator[Any]:
        """The entries, each noted with its image on the way, as one pass through a long file is slow enough."""
        for i, entry in enumerate(entries):
            image = entry.get("image_id") if isinstance(entry, dict) else None
            if not is_id(image):
                left_out.append(f"annotation {i} is left out: expected an `image_id`, got {short(image)}")
            elif image not in self._images:
                left_out.append(f"annotation {i} is left out: there is no image of id {image}")
            else:
                self._of_image.setdefault(image, array("q")).append(i)
            yield entry

    def _by_id(self, entries: Iterable[Any], what: str) -> tuple[dict[int, int], set[int]]:
        """Where the entry of each id stands, and the ids of several."""
        by_id: dict[int, int] = {}
        doubled: set[int] = set()
        for i, entry in enumerate(entries):
            key = entry.get("id") if isinstance(entry, dict) else None
            if not is_id(key):
                self._remark(f"{what} {i} has no `id`: {short(entry)}")
                continue
            if key in by_id:
                doubled.add(key)
                self._remark(f"{what} {i} has the id {key} of another one")
            by_id[key] = i
        return by_id, doubled

    def _remark(self, text: str) -> None:
        self.remarks.append(Remark(self.path, text))


def categories_of(path: Path, shared_names: bool = False) -> dict[int, str]:
    """The categories of a file as `CocoFile.categories` gives them, without its images and annotations."""
    content = {"categories": read_object(path, "{images, annotations, categories}").get("categories")}
    _with_whole_ids(path, content)
    return _category_names(path, content, shared_names)


def _category_names(path: Path, content: dict[str, Any], shared_names: bool) -> dict[int, str]:
    entries = content.get("categories")
    if not is_listed(entries) or not entries:
        raise ConfigurationError(f"{path}: expected a list of categories {{id, name}}, got {short(entries)}")
    names: dict[int, str] = {}
    known: set[str] = set()
    for i, entry in enumerate(entries):
        key, name = (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else (None, None)
        if not is_id(key) or not isinstance(name, str) or key in names or (name in known and not shared_names):
            raise ConfigurationError(
                f"{path}: category {i}: expected an `id` and a `name` of its own, got {short(entry)}"
            )
        names[key] = name
        known.add(name)
    return names


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
        if is_listed(entries):
            content[part] = whole_ids(entries, what, keys, ids)
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
    entries = categories if is_listed(categories) else []
    return {
        entry["id"]: entry["name"]
        for entry in entries
        if isinstance(entry, dict)
        and is_id(entry.get("id"))
        and isinstance(entry.get("name"), str)
        and is_text(entry["name"])
    }
