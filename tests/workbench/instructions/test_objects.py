"""Only categories that are clear in a picture are spoken of."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.workbench.instructions.drawn import picture, rle, samples
from workbench.data.errors import ConfigurationError
from workbench.data.samples import Sample, SceneObject
from workbench.instructions.objects import annotated, check_named

DOG = (10, 10, 60, 60)
CAT = (80, 10, 130, 60)


def test_a_category_is_clear_where_all_instances_are_there_and_large_enough() -> None:
    found = picture({"dog": [DOG], "cat": [CAT], "horse": []})
    assert set(found.clear) == {"dog", "cat"} and [noun.one for noun in found.absent] == ["horse"]
    assert [thing.category for thing in found.things] == ["dog", "cat"] and not found.unclear


@pytest.mark.parametrize(
    ("boxes", "facts", "reason"),
    [
        ([DOG], {"crowds": [rle((100, 50, 150, 90))]}, "crowd"),
        ([DOG], {"exhaustive": False}, "not_exhaustive"),
        ([], {"exhaustive": False}, "not_exhaustive"),
        ([DOG, (150, 80, 153, 83)], {}, "tiny"),
        ([DOG, (10, 10, 60, 50)], {}, "overlap"),
        ([(17 * n, 70, 17 * n + 12, 90) for n in range(11)], {}, "many"),
    ],
)
def test_what_is_not_clear_is_left_out_with_its_reason(boxes, facts, reason) -> None:  # type: ignore[no-untyped-def]
    found = picture({"dog": boxes, "cat": [CAT]}, dog=facts)
    assert found.unclear == {"dog": reason} and set(found.clear) == {"cat"} and not found.absent


def test_one_thing_under_two_names_is_left_out_and_a_small_one_on_a_large_one_is_not() -> None:
    assert set(picture({"dog": [DOG], "wolf": [DOG]}).unclear) == {"dog", "wolf"}
    assert not picture({"person": [DOG], "hat": [(20, 10, 40, 25)]}).unclear


def test_a_name_that_fits_two_categories_is_left_out() -> None:
    assert picture({"bear": [DOG], "teddy bear": [CAT]}).unclear == {"bear": "name"}
    assert picture({"bear": [], "teddy bear": [CAT]}).unclear == {"bear": "name"}
    assert picture({"bow_(weapon)": [DOG], "bow_(ribbon)": [CAT]}).unclear.keys() == {"bow_(weapon)", "bow_(ribbon)"}


def test_what_annotators_confuse_with_something_there_is_not_said_to_be_absent() -> None:
    assert [n.one for n in picture({"cup": [DOG], "wine glass": [], "dog": []}).absent] == ["dog"]


def _labelled(phrase: str | None = None) -> list[Sample]:
    """Two samples that name what they do not ask for."""
    (plain,) = samples({"x": []})
    objects = {"small red mug": rle(DOG), "large blue mug": rle(CAT)}
    one = replace(plain, facts={}, phrase=phrase)
    return [
        replace(one, targets=(mask,), others=tuple(SceneObject(m, label) for label, m in objects.items() if m != mask))
        for mask in objects.values()
    ]


def test_labels_of_other_objects_count_where_they_are_said_to_be_complete() -> None:
    (found,) = annotated(_labelled(), False, Counter())
    assert set(found.unclear.values()) == {"not_exhaustive"}
    (found,) = annotated(_labelled(), True, Counter())
    assert set(found.clear) == {"small red mug", "large blue mug"}
    (found,) = annotated(_labelled("mug"), False, Counter())  # a file in the schema of tabletop
    assert set(found.clear) == {"mug"} and len(found.things) == 2


def test_pictures_that_cannot_be_used_are_counted() -> None:
    dropped: Counter[str] = Counter()
    good = samples({"dog": [DOG]})
    for change in ({"problem": "x"}, {"only_boxes": True}, {"has_truth": False}, {"facts": {}}):
        assert list(annotated([replace(one, **change) for one in good], False, dropped)) == []  # type: ignore[arg-type]
    assert dropped == {"unusable": 1, "no_masks": 1, "no_truth": 1, "unnamed": 1}


def test_a_benchmark_that_names_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="do not say what their objects are"):
        check_named([replace(one, facts={}) for one in samples({"dog": [DOG]})], "refs")
