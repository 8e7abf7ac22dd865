"""Small data sets in Parquet files, as the library `datasets` writes them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tests.workbench.benchmarks.layouts import HEIGHT, KNIFE, LEFT, RIGHT, WIDTH
from workbench.data import masks


def picture(shade: int, form: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), shade, np.uint8)).save(stream, form)
    return stream.getvalue()


ONE, TWO = picture(40), picture(200, "PNG")


def bits(mask: Any) -> Any:
    return masks.decode(mask).tolist()


def row_m(image: bytes, name: str, *objects: Any) -> dict[str, Any]:
    samples = [
        {"id": str(i), "category": category, "sentences": said, "bbox": [0.0, 0.0, 1.0, 1.0], "mask": mask}
        for i, (category, said, mask) in enumerate(objects)
    ]
    return {"image": {"bytes": image, "path": None}, "image_id": 7, "file_name": name, "samples": samples}


M_ROWS = [
    row_m(ONE, "COCO_1.jpg", ("cup", ["left cup", "The red cup."], LEFT), ("bowl", ["bowl"], RIGHT)),
    row_m(TWO, "COCO_2.jpg", ("knife", ["the knife"], KNIFE)),
]
REASON_ROWS = [
    {"image": {"bytes": ONE, "path": None}, "text": "What cuts?", "mask": bits(KNIFE), "image_id": "a", "ann_id": "0",
     "img_height": HEIGHT, "img_width": WIDTH},
    {"image": {"bytes": TWO, "path": None}, "text": "cup", "mask": bits(LEFT), "image_id": "b", "ann_id": "1",
     "img_height": HEIGHT, "img_width": WIDTH},
]  # fmt: skip


def write(path: Path, rows: list[dict[str, Any]], **types: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows)
    for name, kind in types.items():
        table = table.set_column(table.column_names.index(name), name, pa.array([r[name] for r in rows], kind))
    pq.write_table(table, path)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
