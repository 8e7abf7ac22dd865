"""What the timeline of a sample shows of each request."""

from pathlib import Path

import numpy as np

from reports.pages.gallery import _calls
from workbench.data.masks import decode, encode
from workbench.data.predictions import Call, Note, Sent
from workbench.data.samples import Sample

SAMPLE = Sample("s", "i", Path("unused.png"), 96, 64, "the mugs")
QUERY = Sent("user", "the mugs")
RAW = Sent("user", picture="raw")


def mask() -> str:
    pixels = np.zeros((64, 96), dtype=bool)
    pixels[8:24, 16:40] = True
    return encode(pixels)["counts"]


def test_each_request_shows_what_is_new_in_it() -> None:
    marks = Sent("user", picture="all_masks", masks=(mask(),))
    calls = [
        Call("llm", 0.0, 0.1, 5, 3, Note(request="main", reply="hm", sent=[RAW, QUERY])),
        Call("render", 0.1, 0.1, note=Note(picture="all_masks", marked=[mask()])),
        Call("llm", 0.2, 0.1, 9, 3, Note(request="main", reply="ok", sent=[RAW, QUERY, marks])),
    ]
    first, render, second = _calls(calls, SAMPLE, 96)
    assert first[5] == {"request": "main", "reply": "hm"}
    assert first[6] == [{"picture": "raw", "masks": []}, {"text": "the mugs"}]
    assert render[5] == {"picture": "all_masks", "marked": 1} and render[6] == []
    assert second[6] == [{"picture": "all_masks", "masks": [mask()]}]


def test_masks_come_in_the_size_of_the_picture_in_the_report() -> None:
    sent = [Sent("user", picture="single_mask", masks=(mask(),))]
    ((*_, parts),) = _calls([Call("llm", 0.0, note=Note(sent=sent))], SAMPLE, 48)
    small = decode({"size": [32, 48], "counts": parts[0]["masks"][0]})
    assert small[4:12, 8:20].all() and small.sum() == 8 * 12
