"""Every word is declared once, with a sentence, and what the code writes is declared."""

import ast
from pathlib import Path

import pytest

from workbench.data import vocabulary as words

TABLES = {
    "OUTCOMES": words.OUTCOMES,
    "FUNNEL_STAGES": words.FUNNEL_STAGES,
    "MISSED_REASONS": words.MISSED_REASONS,
    "INSTANCE_CATEGORIES": words.INSTANCE_CATEGORIES,
    "TARGET_CATEGORIES": words.TARGET_CATEGORIES,
    "SAMPLE_CATEGORIES": words.SAMPLE_CATEGORIES,
    "MISTAKES": words.MISTAKES,
}
DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("table", TABLES)
def test_every_word_has_a_sentence_of_its_own(table: str) -> None:
    sentences = list(TABLES[table].values())
    assert all(sentences) and len(set(sentences)) == len(sentences)


def test_every_drop_reason_is_lost_at_a_stage_of_the_funnel() -> None:
    assert {reason.lost_at for reason in words.DROP_REASONS.values()} <= set(words.FUNNEL_STAGES)


def test_every_failed_outcome_of_a_system_is_a_mistake_too() -> None:
    assert words.OUTCOMES.keys() - {words.OK, words.BAD_SAMPLE} <= words.MISTAKES.keys()


@pytest.mark.parametrize("name", ["nms", "non-maximum suppression", "stage_2", "x" * 40])
def test_a_short_plain_name_may_be_a_plugin_s_own(name: str) -> None:
    assert words.is_own_name(name)
    assert words.counted_as(name, words.DROP_REASONS) == f"other: {name}"


@pytest.mark.parametrize("name", ["", " nms", "a/b", "x" * 41, "a\nb", "<b>", "\u00fcber", None, 3])
def test_what_no_column_or_metric_could_be_called_may_not(name: object) -> None:
    assert not words.is_own_name(name)


@pytest.mark.parametrize(
    "table", [words.INSTANCE_CATEGORIES, words.SAMPLE_CATEGORIES, words.MISTAKES, words.FUNNEL_STAGES]
)
def test_the_documentation_has_each_table_word_by_word(table: dict[str, str]) -> None:
    text = (DOCS / "diagnosis.md").read_text()
    rows = [f"| {words.title(name)} | {sentence} |" for name, sentence in table.items()]
    assert [row for row in rows if row not in text] == []
    places = [text.index(row) for row in rows]
    assert places == sorted(places), "in the same order"


def test_the_documentation_says_where_each_drop_reason_is_lost() -> None:
    text = (DOCS / "diagnosis.md").read_text()
    for stage, sentence in words.FUNNEL_STAGES.items():
        lost = [words.title(name) for name, reason in words.DROP_REASONS.items() if reason.lost_at == stage]
        if stage == "surfaced":
            lost = [words.title(words.NEVER_SEEN)]
        if stage == "matched":
            lost = [words.title(words.TAKEN)]
        assert f"| {words.title(stage)} | {sentence} | {', '.join(lost)} |".replace("|  |", "| |") in text


def test_the_documentation_lists_drop_reasons_outcomes_and_kinds_of_calls() -> None:
    text = (DOCS / "diagnosis.md").read_text()
    for name, sentence in {**words.MISSED_REASONS, **words.OUTCOMES}.items():
        assert f"| `{name}` | {sentence} |" in text
    latency = (DOCS / "latency.md").read_text()
    for name, kind in words.CALL_KINDS.items():
        assert f"| `{name}` | {kind.title} | {kind.sentence} |" in latency


WRITTEN = {  # by the function that takes the word, and its place among the arguments
    "Mistake": (0, words.MISTAKES.keys() & words.OUTCOMES.keys()),
    "Ending": (0, words.OUTCOMES.keys()),
    "drop": (1, words.DROP_REASONS.keys()),
    "Candidate": (2, words.DROP_REASONS.keys()),
    "call": (0, words.CALL_KINDS.keys()),
    "_timed": (1, words.CALL_KINDS.keys()),
    "timed": (1, words.CALL_KINDS.keys()),
}


def test_our_own_systems_use_declared_words_only() -> None:
    root, seen = Path(__file__).parents[3], set()
    for path in (p for folder in ("agents", "e2e", "workbench") for p in (root / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place, known = WRITTEN.get(name, (0, set()))
            if name in WRITTEN and len(node.args) > place and isinstance(node.args[place], ast.Constant):
                word = node.args[place].value  # type: ignore[attr-defined]
                assert word in known, f"{path.relative_to(root)}:{node.lineno}: {name}({word!r})"
                seen.add((name, word))
    assert {name for name, _ in seen} == set(WRITTEN)
    assert {word for name, word in seen if name in ("drop", "Candidate")} == words.DROP_REASONS.keys()
