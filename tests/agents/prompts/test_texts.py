import string
from dataclasses import asdict, replace

import pytest

from agents.loop import tools
from agents.prompts import texts as prompts
from workbench.data.errors import ConfigurationError

FIELDS = {
    "query": {"query"},
    "query_used": {"query", "used"},
    "masks_shown": {"query", "count"},
    "no_masks": {"query", "phrase"},
    "duplicate": {"phrase", "used"},
    "duplicate_shown": {"phrase", "used", "count"},
    "masks_left": {"query", "count"},
    "none_left": {"query"},
    "mask_line": {"number", "x", "y", "size", "percent"},
    "mistake": {"kind", "problem"},
    "check_query": {"query"},
    "verdict_mistake": {"problem"},
}


@pytest.mark.parametrize("version", prompts.VERSIONS)
def test_templates_use_only_the_fields_that_they_are_given(version: str) -> None:
    texts = asdict(prompts.load(version))
    assert texts.pop("version") == version
    for name, text in texts.items():
        if name in ("system", "checking"):
            continue  # sent as they are
        used = {field for _, field, _, _ in string.Formatter().parse(text) if field}
        assert used <= FIELDS.get(name, set()), name


def test_the_full_texts_name_every_tool_and_give_calls_that_can_be_read() -> None:
    full = prompts.load("full-v1")
    calls = [tools.parse("{" + part, 3) for part in full.system.split("<tool>{")[1:]]
    assert [call.name for call in calls if isinstance(call, tools.ToolCall)] == list(tools.TOOLS)
    assert {tools.parse_verdict(v) for v in full.checking.split(" or ") if "<verdict>" in v} == {True, False}


def test_full_texts_repeat_the_query_where_the_model_judges_masks() -> None:
    full = prompts.load("full-v1")
    for template in (full.query, full.query_used, full.masks_shown, full.no_masks, full.masks_left, full.none_left):
        assert "{query}" in template


def test_tiny_texts_are_tiny() -> None:
    texts = asdict(prompts.load("tiny-v1"))
    assert len(texts["system"].split()) < 30
    assert all(len(text.split()) <= 5 for name, text in texts.items() if name != "system")


def test_a_changed_text_changes_the_digest() -> None:
    full = prompts.load("full-v1")
    assert full.digest() != replace(full, check_zoom="Zoomed:").digest()


def test_an_unknown_version_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ConfigurationError, match=r"full-v9.*full-v1, tiny-v1"):
        prompts.load("full-v9")
