"""The key `data` of a recipe: what is accepted, and what is said of the rest."""

from typing import Any

import pytest

from workbench.data.errors import ConfigurationError
from workbench.foundations.training.data.options import sources_of


def test_a_source_has_the_usual_values_where_it_says_nothing() -> None:
    (one,) = sources_of([{"benchmark": "tabletop"}])
    assert (one.name, one.weight, one.kind, one.negatives, one.templates) == ("tabletop", 1.0, None, None, {})
    assert one.drawn
    (files,) = sources_of([{"benchmark": "tabletop", "options": {"scenes": 4}}])
    assert not files.drawn


def test_sources_are_called_by_their_files_and_numbered_where_these_are_called_alike() -> None:
    refs = [{"benchmark": "refcoco", "options": {"annotations": f"{name}/refs(unc).p"}} for name in ("a", "b")]
    assert [one.name for one in sources_of(refs)] == ["refcoco refs(unc)", "refcoco refs(unc) 2"]
    assert [one.name for one in sources_of([{**refs[0], "name": "mine"}, refs[1]])] == ["mine", "refcoco refs(unc)"]


def test_templates_are_one_or_several_for_all_kinds_or_by_kind() -> None:
    def templates(given: Any) -> Any:
        return sources_of([{"benchmark": "coco", "templates": given}])[0].templates

    assert templates("find {instruction}")["phrase"] == ["find {instruction}"]
    assert templates({"phrase": ["a {instruction}", "b {instruction}"]}) == {
        "phrase": ["a {instruction}", "b {instruction}"]
    }


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([], "expected at least one source"),
        (["coco"], r"data\[0\]: expected {benchmark: NAME, ...}, got 'coco'"),
        ([{"weight": 1}], r"data\[0\]: expected a key `benchmark`, got weight"),
        ([{"benchmark": "cocoo"}], r"data\[0\].benchmark: expected .* names one of the benchmarks"),
        ([{"benchmark": "coco", "wieght": 1}], r"unknown option of data\[0\] 'wieght' \(did you mean 'weight'\?\)"),
        ([{"benchmark": "coco"}, {"benchmark": "coco", "weight": 0}], r"data\[1\].weight: expected a number above 0"),
        ([{"benchmark": "coco", "negatives": 2}], r"data\[0\].negatives: expected a number from 0 to 1"),
        ([{"benchmark": "coco", "kind": "noun"}], r"data\[0\].kind: expected one of category, phrase, instruction"),
        ([{"benchmark": "coco", "templates": "find it"}], r"data\[0\].templates: expected texts with {instruction}"),
        ([{"benchmark": "coco", "templates": {"noun": "x"}}], r"data\[0\].templates: expected kinds of category"),
        ([{"benchmark": "coco", "name": "a"}, {"benchmark": "saco", "name": "a"}], "several sources are called a"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(entries: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        sources_of(entries)
