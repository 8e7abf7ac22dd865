"""Long JSON files are read piece by piece, with the values and errors that `json.loads` gives."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from workbench.benchmarks import json_stream
from workbench.benchmarks.json_stream import Entries, is_listed, parse
from workbench.data.errors import ConfigurationError
from workbench.data.json_objects import once_each


@pytest.fixture(autouse=True)
def tiny_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cuts files everywhere, and keeps no list."""
    monkeypatch.setattr(json_stream, "PIECE", 3)
    monkeypatch.setattr(json_stream, "SHORT", 0)


def plain(value: Any) -> Any:
    """The value with lists for entries."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return list(value) if isinstance(value, Entries) else value


def read(path: Path, content: bytes) -> Any:
    path.write_bytes(content)
    try:
        return plain(parse(path))
    except ValueError as error:
        return str(error)


def read_at_once(content: bytes) -> Any:
    try:
        return json.loads(content, object_pairs_hook=once_each)
    except ValueError as error:
        return str(error)


VALUES: list[Any] = [
    {
        "images": [{"id": i, "file_name": f"bild_{i}_\u00e4\u6f22\U0001f600.jpg"} for i in range(5)],
        "n": 12.5e3,
        "none": None,
    },
    [[1, [2, [3]]], 'a"b\\', "", {}, [], True, -0.25, 10**20, "\u2028", {"a": [{}]}],
    {"images": [], "annotations": [1], "": "x" * 100},
    [],
    {},
    "text",
    17,
    [float("inf"), -float("inf")],
    [float("9" * 300), 1],
]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("as_ascii", [True, False])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b" \n\t\r"])
def test_values_are_those_of_the_standard_reader(
    tmp_path: Path, indent: int | None, as_ascii: bool, start: bytes
) -> None:
    for value in VALUES:
        content = start + json.dumps(value, indent=indent, ensure_ascii=as_ascii).encode()
        assert read(tmp_path / "a.json", content) == value == read_at_once(content)


def test_broken_files_end_in_the_words_of_the_standard_reader(tmp_path: Path) -> None:
    rng = random.Random(0)
    whole = [json.dumps(value, indent=rng.choice([None, 1]), ensure_ascii=False).encode() for value in VALUES]
    broken = 0
    for _ in range(1500):
        content = bytearray(rng.choice(whole))
        for _ in range(rng.randrange(1, 3)):
            place = rng.randrange(len(content) + 1)
            match rng.randrange(3):
                case 0:
                    del content[place:]
                case 1:
                    del content[place : place + rng.randrange(1, 4)]
                case 2:
                    content[place:place] = bytes([rng.choice(b'{}[],:"\\ 19eE-.x\x01u\n\xc3')])
        expected = read_at_once(bytes(content))
        got = read(tmp_path / "a.json", bytes(content))
        if isinstance(expected, str) and "codec can't decode" in expected:
            assert isinstance(got, str)  # or an earlier mistake, as the rest was not looked at
        else:
            assert got == expected, bytes(content)
        broken += isinstance(expected, str)
    assert broken > 1000


def test_a_long_number_may_turn_out_to_be_none_that_is_whole(tmp_path: Path) -> None:
    digits = b"9" * 5000
    for content in (b"[%b.5]" % digits, b"[%b]" % digits, b"[1, %be-3, 2]" % digits):
        assert read(tmp_path / "a.json", content) == read_at_once(content)


def test_entries_are_a_sequence(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"id": i, "text": "\u00e9" * i} for i in range(40)]), encoding="utf-8")
    entries = parse(tmp_path / "a.json")
    assert isinstance(entries, Entries)
    assert is_listed(entries)
    assert len(entries) == 40
    assert entries[7] == {"id": 7, "text": "\u00e9" * 7} == entries[-33]
    assert [one["id"] for one in entries[5:9]] == [5, 6, 7, 8]
    with pytest.raises(IndexError):
        entries[40]
    assert repr(entries).startswith("[{'id': 0, 'text': ''}, {'id': 1, ")
    assert repr(entries).endswith(", ...]")


def test_entries_are_changed_each_time_that_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"id": "1"}, {"id": "2"}]')
    entries = parse(tmp_path / "a.json")
    changed = entries.changed(lambda entry: entry.update(id=int(entry["id"])))
    assert [one["id"] for one in changed] == [1, 2] == [one["id"] for one in changed]
    assert entries[0] == {"id": "1"}


def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"id": 1}, {"id": 2}]')
    entries = parse(tmp_path / "a.json")
    with (tmp_path / "a.json").open("r+") as file:
        file.truncate(5)
    with pytest.raises(ConfigurationError, match=r"a\.json was changed while it was read"):
        entries[1]


def test_short_lists_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "SHORT", 60)
    (tmp_path / "a.json").write_text(json.dumps({"short": [1, 2, 3], "long": list(range(100))}))
    value = parse(tmp_path / "a.json")
    assert value["short"] == [1, 2, 3]
    assert isinstance(value["long"], Entries)
    assert list(value["long"]) == list(range(100))
