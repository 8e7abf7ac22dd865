"""Pictures of one's own with a table of instructions: no schema to learn, masks where there are any.

    instructions.csv    image,instruction,masks
                        a.jpg,the two mugs nearest the lamp,masks/a-mug-1.png; masks/a-mug-2.png
                        a.jpg,the red kettle,
    a.jpg
    masks/a-mug-1.png   one object each, 0 outside

`masks` names mask files, with `*` for any characters of a name; `objects` in its place names outlined objects by
their labels (`workbench.benchmarks.named_objects`). An empty cell says that nothing fits. A table with neither says
nothing about what is right: its instructions are asked, and not scored. `kind` groups instructions. As JSON it is a
list of objects with these keys, whose masks may also be COCO RLE or polygons.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Annotated as Option
from typing import Any

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.folder_table import NAMES, TRUTH, Table, find_table, read_table
from workbench.benchmarks.named_objects import CocoObjects, LabelmeFiles
from workbench.benchmarks.options import Images, Protocol
from workbench.benchmarks.reading import ImageFolder, existing, numbered, text_of, unusable
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.masks import Rle, encode, from_annotation
from workbench.data.pictures import read_mask
from workbench.data.remarks import Remark
from workbench.data.samples import Sample, SceneObject
from workbench.plugins.interfaces import reads_files


@reads_files(recognises=lambda path: path.is_dir() or path.suffix.lower() in (".csv", ".tsv"))
def folder(
    annotations: Option[str, f"The folder with {' or '.join(NAMES)}, or such a table itself."] = "data/own",
    images: Images = None,
    objects: Option[str | None, "File as COCO with the outlined objects; none: labelme's file beside each."] = None,
    protocol: Protocol = "inst2seg",
) -> Annotated:
    """Pictures of your own with a table of instructions, and masks where there are any."""
    path, root = existing("folder", annotations, images)
    table = read_table(find_table(path))
    if objects is not None and not Path(objects).is_file():
        raise ConfigurationError(f"folder: there is no file {objects} with objects")
    pictures = root or table.path.parent
    outlined = LabelmeFiles() if objects is None else CocoObjects(Path(objects), pictures)
    rows = _Rows(table, ImageFolder(pictures, pictures), ImageFolder(table.path.parent, table.path.parent), outlined)
    return Annotated(
        "folder",
        protocol,
        (table.path, *rows.truth_files()),
        pictures,
        rows.samples,
        {"truth": list(table.truth)},
        rows.remarks,
    )


@dataclass
class _Rows:
    """The rows of a table, and the places that its pictures, masks and objects come from."""

    table: Table
    pictures: ImageFolder
    masks: ImageFolder
    outlined: LabelmeFiles | CocoObjects
    inverted: dict[Path, Remark] = field(default_factory=dict)
    """What to look at of masks that were read and may be upside down in black and white."""

    def remarks(self) -> list[Remark]:
        """Those of the file with objects, and of masks that may be inverted."""
        of_file = self.outlined.file.remarks if isinstance(self.outlined, CocoObjects) else []
        return [*of_file, *self.inverted.values()]

    def samples(self) -> Iterator[Sample]:
        """A sample for each row, numbered from 0."""
        return numbered(
            (self._sample(row, f"row {i}") for i, row in zip(self.table.numbers, self.table.rows, strict=True)),
            self.table.path.name,
        )

    def truth_files(self) -> list[Path]:
        """All files that decide what is right, apart from the table."""
        files: set[Path] = set()
        pictures = []
        for row in self.table.rows:
            if isinstance(row, dict):
                for value in _items(row.get("masks")):
                    if isinstance(value, str):
                        files.update(_quiet(partial(self._mask_files, value, "")))
                pictures += _quiet(partial(self._placed, row)) if _items(row.get("objects")) else []
        return sorted(files | set(self.outlined.files(pictures) if "objects" in self.table.truth else ()))

    def _placed(self, row: dict[str, Any]) -> list[Path]:
        return [self.pictures.place(row.get("image"), "")]

    def _sample(self, row: Any, where: str) -> Sample:
        if not isinstance(row, dict):
            return unusable(f"{where}: expected a value for each column, got {short(row)}", self.pictures)
        known = None
        try:
            path = self.pictures.place(row.get("image"), f"{where}: image")
            instruction = text_of(row.get("instruction"), f"{where}: instruction")
            kind = None if row.get("kind") is None else text_of(row["kind"], f"{where}: kind")
            height, width = self.pictures.size(path, f"{where}: image")
            known = Sample("", row["image"], path, width, height, instruction, kind=kind)
            if not self.table.truth:
                return replace(known, has_truth=False)
            targets, others = self._truth(row, known, where)
        except SampleError as error:
            return unusable(str(error), self.pictures, known)
        return replace(known, targets=targets, others=others)

    def _truth(self, row: dict[str, Any], asked: Sample, where: str) -> tuple[tuple[Rle, ...], tuple[SceneObject, ...]]:
        if not any(name in row for name in TRUTH):
            raise SampleError(
                f"{where}: expected {' or '.join(self.table.truth)}, as other rows have, or an empty list"
            )
        targets = [mask for value in _checked(row, "masks", where) for mask in self._masks(value, asked, where)]
        names = _checked(row, "objects", where)
        if not names and "objects" not in self.table.truth:
            return tuple(targets), ()
        if not all(isinstance(name, str) for name in names):
            raise SampleError(f"{where}: objects: expected labels, got {short(names)}")
        try:
            outlined = self.outlined.of(asked.image_path, asked.height, asked.width)
        except SampleError as error:
            if not names:  # nothing fits, whatever is in the picture
                return tuple(targets), ()
            raise SampleError(f"{where}: objects: {error}") from error
        chosen, others = outlined.chosen(names, f"{where}: objects")
        return (*targets, *chosen), others

    def _masks(self, value: Any, asked: Sample, where: str) -> list[Rle]:
        where = f"{where}: masks"
        if not isinstance(value, str):
            return [from_annotation(value, asked.height, asked.width, where)]
        found = []
        for file in self._mask_files(value, where):
            try:
                mask = read_mask(file)
            except SampleError as error:
                raise SampleError(f"{where}: {error}") from error
            if mask[[0, 0, -1, -1], [0, -1, 0, -1]].all():
                said = "it covers all four corners: 0 is outside of the object, so see whether it is inverted"
                self.inverted[file] = Remark(file, said, mended=True)
            height, width = mask.shape
            if (height, width) != (asked.height, asked.width):
                raise SampleError(
                    f"{where}: {file.name} has {width}x{height} pixels, but the picture, upright, "
                    f"{asked.width}x{asked.height}"
                )
            found.append(encode(mask))
        return found

    def _mask_files(self, name: str, where: str) -> list[Path]:
        """The files that a name stands for; raises `SampleError` where there is none."""
        path = self.masks.place(name, where)
        if "*" not in name:
            if not path.is_file():
                raise SampleError(f"{where}: there is no file {path}")
            return [path]
        pattern = path.name.replace("[", "[[]").replace("?", "[?]")
        found = [one for one in path.parent.iterdir() if fnmatchcase(one.name, pattern)] if path.parent.is_dir() else []
        if not found:
            raise SampleError(f"{where}: no file is called {short(name)} in {self.masks.root}")
        return [self.masks.place(one.relative_to(self.masks.root).as_posix(), where) for one in sorted(found)]


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _checked(row: dict[str, Any], name: str, where: str) -> Sequence[Any]:
    if not isinstance(row.get(name, []), list):
        raise SampleError(f"{where}: {name}: expected a list, empty where nothing fits, got {short(row[name])}")
    return _items(row.get(name))


def _quiet(find: Any) -> list[Path]:
    """What is found, nothing where that fails: reading the samples says so."""
    try:
        return list(find())
    except SampleError:
        return []
