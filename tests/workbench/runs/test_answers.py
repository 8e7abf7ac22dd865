"""The answers of a large store are read when they are asked for, and are those of a small one."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.data.test_traces import LONG
from tests.workbench.metrics.scenes import answer, sample
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Call
from workbench.runs import answers
from workbench.runs.answers import Mapped, StoredAnswers
from workbench.runs.store import Store

SAMPLES = [sample(f"s{number}", [(0, 10)]) for number in range(6)]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A store of all samples in another order, with long traces, and of one that is not asked any more."""
    with Store(tmp_path, {}) as store:
        for name in ("s3", "gone", "s0", "s1", "s5", "s4", "s2"):
            calls = (Call("llm", 0.0, 1.0, 10, 2, LONG),)
            store.append(answer(name, [((0, 10), 0.5)], calls=calls, latency=1.0), "image", "words", 0.5)
    return tmp_path / "predictions.jsonl"


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "KEPT", 0)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The samples whose answers are parsed from now on."""
    parsed: list[str] = []
    make = answers.Stored.from_json

    def count(record: dict[str, Any], traces: bool = True) -> answers.Stored:
        parsed.append(record["sample_id"])
        return make(record, traces)

    monkeypatch.setattr(answers.Stored, "from_json", count)
    return parsed


def test_a_large_store_gives_what_a_small_one_gives(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = StoredAnswers(stored, SAMPLES)
    monkeypatch.setattr(answers, "KEPT", 0)
    found = StoredAnswers(stored, SAMPLES)
    assert (small.large, found.large) == (False, True)
    assert list(found) == list(small) == [found[place] for place in range(6)]
    assert found[1:3] == small[1:3] and found[-1] == small[-1] and len(found) == 6
    assert [one.prediction.sample_id for one in found] == [one.sample_id for one in SAMPLES]
    assert [one.about["image"] for one in found.without_traces()] == ["image"] * 6
    assert found[0].prediction.calls[0].note == LONG
    assert found.without_traces()[0].prediction.calls[0].note.sent == []


@pytest.mark.usefixtures("large")
def test_a_large_store_parses_only_what_is_asked_for(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = counted(monkeypatch)
    found = StoredAnswers(stored, SAMPLES)
    assert parsed == []
    assert Mapped(found, lambda one: one.prediction.sample_id)[4] == "s4"
    assert parsed == ["s4"]
    assert next(iter(found)).prediction.sample_id == "s0" and parsed == ["s4", "s0"]


@pytest.mark.usefixtures("large")
def test_damage_is_named_when_a_large_store_is_opened(stored: Path) -> None:
    lines = stored.read_bytes().splitlines(keepends=True)
    stored.write_bytes(b"".join([lines[0], lines[1].replace(b"0.5", b"0.6"), *lines[2:]]))
    with pytest.raises(ConfigurationError, match=r"line 2 is damaged: its checksum does not fit.*6 of 7 lines"):
        StoredAnswers(stored, SAMPLES)
    stored.write_bytes(b"".join([*lines, lines[0]]))
    with pytest.raises(ConfigurationError, match="line 8 is damaged: sample 's3': it repeats the sample of line 1"):
        StoredAnswers(stored, SAMPLES)


@pytest.mark.usefixtures("large")
def test_lines_without_checksums_and_with_odd_ids_are_found(tmp_path: Path) -> None:
    odd = sample('a "quoted" \\ id', [(0, 10)])
    path = tmp_path / "predictions.jsonl"
    with Store(tmp_path / "new", {}) as store:
        store.append(answer(odd.sample_id), "image", "words", 0.5)
    assert StoredAnswers(tmp_path / "new/predictions.jsonl", [odd])[0].prediction == answer(odd.sample_id)
    path.write_text(json.dumps({**answer(odd.sample_id).to_json(), "seconds": 1.0}) + "\n")
    assert StoredAnswers(path, [odd])[0].seconds == 1.0


@pytest.mark.usefixtures("large")
def test_an_answer_that_does_not_fit_its_sample_is_named_when_it_is_read(stored: Path) -> None:
    from dataclasses import replace

    found = StoredAnswers(stored, [replace(SAMPLES[0], width=50), *SAMPLES[1:]])
    assert found[1].prediction.sample_id == "s1"
    with pytest.raises(ConfigurationError, match=r"line 3 is damaged: sample 's0': expected a mask of size \[2, 50\]"):
        found[0]
