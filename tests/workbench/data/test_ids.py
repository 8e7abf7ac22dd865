"""Ids are read as the whole numbers that files write in several ways."""

import pytest

from workbench.data.ids import Ids, whole_number


@pytest.mark.parametrize(
    ("value", "number"),
    [(7, 7), (7.0, 7), ("7", 7), ("007", 7), (-1, -1), (-1.0, -1), ("-1", -1), (0.0, 0), (10**15, 10**15)],
)
def test_whole_numbers_are_read_however_they_are_written(value: object, number: int) -> None:
    assert whole_number(value) == number


@pytest.mark.parametrize(
    "value",
    [1.5, float("nan"), float("inf"), 1e300, True, False, None, "1.0", "", " 1", "one", "\u0663", "9" * 30, [1], {}],
)
def test_nothing_else_is_taken_for_an_id(value: object) -> None:
    assert whole_number(value) is None


def test_what_was_mended_is_said_once_with_how_often_and_where() -> None:
    ids = Ids()
    entries = [{"image_id": float(i)} for i in range(5)] + [{"image_id": "6"}, {"image_id": 7}, {"image_id": 1.5}]
    for i, entry in enumerate(entries):
        ids.mend(entry, "image_id", f"annotation {i}")
    assert [entry["image_id"] for entry in entries] == [0, 1, 2, 3, 4, 6, 7, 1.5]
    assert ids.notes() == [
        "`image_id` is written as a float and read as a whole number, 5 times: "
        "annotation 0 (0.0), annotation 1 (1.0), annotation 2 (2.0), ...",
        "`image_id` is written as text and read as a whole number, 1 times: annotation 5 ('6')",
    ]


def test_the_values_of_a_list_are_mended_one_by_one() -> None:
    entry = {"ann_id": [3.0, "4", 5, None]}
    Ids().mend(entry, "ann_id", "ref 0")
    assert entry["ann_id"] == [3, 4, 5, None]
