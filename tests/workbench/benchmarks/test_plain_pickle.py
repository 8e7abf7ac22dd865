"""Pickles of plain data are read; whatever asks for more is refused by name, and nothing of it runs."""

import pickle
import random
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.benchmarks.layouts import OFFICIAL
from workbench.benchmarks import plain_pickle, refcoco
from workbench.benchmarks.plain_pickle import read_plain_pickle
from workbench.data.errors import ConfigurationError

PLAIN: Any = [
    {
        "id": 1,
        "raw": "der größte Hund \u2028",
        "tokens": ["a", "b"],
        "deep": [[(1, 2), (1, 2, 3), (1,), (), (1, 2, 3, 4)]],
    },
    {"id": -5, "more": [True, False, None, 0.5, 2**40, -(2**40), 255, 256, 65536, "x" * 300, 2**70]},
    {},
    [],
]


class Evil:
    """Writes a file when a pickle of it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


def put(folder: Path, content: bytes) -> Path:
    path = folder / "refs(unc).p"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    assert read_plain_pickle(put(tmp_path, pickle.dumps(PLAIN, protocol))) == PLAIN


def test_byte_strings_of_python_2_are_texts(tmp_path: Path) -> None:
    old = b"(lp0\n(dp1\nS'raw'\np2\nS'it\\'s \\xc3\\xa9'\np3\nsS\"id\"\nL7L\nsa."
    assert read_plain_pickle(put(tmp_path, old)) == [{"raw": "it's é", "id": 7}]
    assert read_plain_pickle(put(tmp_path, b"\x80\x02]q\x00U\x02hiq\x01aT\x03\x00\x00\x00abca.")) == ["hi", "abc"]
    with pytest.raises(ConfigurationError, match="byte 3: expected a text in UTF-8"):
        read_plain_pickle(put(tmp_path, b"\x80\x02]U\x01\xe9a."))


HOSTILE = {
    "GLOBAL": (b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", "GLOBAL 'os.system' is refused"),
    "STACK_GLOBAL": (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "STACK_GLOBAL is refused"),
    "INST": (b"(S'ls'\nios\nsystem\n.", "INST 'os.system' is refused"),
    "OBJ": (b"(]o.", "OBJ is refused"),
    "REDUCE": (b"]))R.", "REDUCE is refused"),
    "BUILD": (b"]}b.", "BUILD is refused"),
    "NEWOBJ": (b"])\x81.", "NEWOBJ is refused"),
    "NEWOBJ_EX": (b"])}\x92.", "NEWOBJ_EX is refused"),
    "PERSID": (b"Pthing\n.", "PERSID 'thing' is refused"),
    "BINPERSID": (b"K\x01Q.", "BINPERSID is refused"),
    "EXT1": (b"\x82\x01.", "EXT1 is refused"),
    "EXT2": (b"\x83\x01\x00.", "EXT2 is refused"),
    "EXT4": (b"\x84\x01\x00\x00\x00.", "EXT4 is refused"),
    "BINBYTES": (b"B\x01\x00\x00\x00a.", "BINBYTES is refused"),
    "BYTEARRAY8": (b"\x96" + struct.pack("<Q", 1) + b"a.", "BYTEARRAY8 is refused"),
    "EMPTY_SET": (b"\x8f.", "EMPTY_SET is refused"),
    "NEXT_BUFFER": (b"\x97.", "NEXT_BUFFER is refused"),
    "LONG4": (b"\x8b\x01\x00\x00\x00\x01.", "LONG4 is refused"),
    "DUP": (b"]2.", "DUP is refused"),
    "no step": (b"\xff.", "there is no step 0xff"),
    "protocol": (b"\x80\x09].", "expected a pickle of protocol 0 to 5, got 9"),
    "empty": (b"", "the pickle ends too early"),
    "no stop": (b"]", "the pickle ends too early"),
    "nothing": (b".", "does not end with one value"),
    "two values": (b"]].", "does not end with one value"),
    "mark": (b"(.", "does not end with one value"),
    "short": (b"X\xff\x00\x00\x00a.", "ends within a value of 255 bytes"),
    "negative": (b"T\xff\xff\xff\xff.", "ends within a value of -1 bytes"),
    "endless": (b"\x8d" + b"\xff" * 8 + b".", "ends within a value of"),
    "no line": (b"I12", "expected a line"),
    "no number": (b"Itwo\n.", "expected a whole number, got 'two'"),
    "huge number": (b"I" + b"9" * 5000 + b"\n.", "expected a whole number"),
    "no real": (b"Fx\n.", "expected a number"),
    "no quotes": (b"Sabc\n.", "expected a text in quotes"),
    "bad escape": (b"S'\\x'\n.", "expected a text in quotes"),
    "no ascii": (b"S'\xe9'\n.", "expected a line of ASCII"),
    "memo": (b"h\x05.", "there is no remembered value 5"),
    "memo of nothing": (b"q\x00.", "there is no value to remember"),
    "append": (b"K\x01K\x02a.", "expected a list to append to, got int"),
    "append nothing": (b"a.", "there is no value to take"),
    "no mark": (b"]K\x01e.", "there is no mark"),
    "odd dict": (b"(K\x01d.", "a key of a dict has no value"),
    "list as key": (b"}](K\x01t.", "does not end with one value"),
    "unhashable": (b"}]K\x01s.", "expected a text or a whole number as key of a dict, got list"),
    "twice": (b"}(K\x01K\x02K\x01K\x03u.", "the key 1 stands twice in a dict"),
    "set on list": (b"]K\x01K\x02s.", "expected a dict to set items of, got list"),
    "in itself": (b"]q\x00h\x00a.", "a list or dict is put into itself"),
    "circle": (b"]q\x00]q\x01h\x00ah\x00h\x01a.", "is changed after it was put into another one"),
    "deep": (b"]" * 40 + b"a" * 39 + b".", "nested at most 16 deep"),
    "deep tuples": (b"K\x01" + b"\x85" * 40 + b".", "nested at most 16 deep"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_more_than_plain_data_is_refused_by_name(tmp_path: Path, name: str) -> None:
    content, message = HOSTILE[name]
    with pytest.raises(ConfigurationError) as refused:
        read_plain_pickle(put(tmp_path, content))
    assert message in str(refused.value)
    assert "refs(unc).p: byte " in str(refused.value)


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_of_a_hostile_pickle_runs(tmp_path: Path, protocol: int) -> None:
    content = [{"ref_id": Evil(tmp_path / "opened")}]
    with pytest.raises(ConfigurationError, match=r"GLOBAL.* is refused"):
        refcoco.read(put(tmp_path, pickle.dumps(content, protocol)), None)
    assert not (tmp_path / "opened").exists()
    for value in (OrderedDict(a=1), {1, 2}, b"bytes", 1j, bytearray(b"x"), Path("x"), range(3), float):
        with pytest.raises(ConfigurationError, match="is refused"):
            read_plain_pickle(put(tmp_path, pickle.dumps(value, protocol)))


def test_a_small_pickle_does_not_unfold_into_a_huge_one(tmp_path: Path) -> None:
    """Ten lists, each with ten times the one before it, stand for ten thousand million values."""
    bomb: Any = ["boom"]
    for _ in range(10):
        bomb = [bomb] * 10
    with pytest.raises(ConfigurationError, match=f"expected at most {plain_pickle.MAX_VALUES} values"):
        read_plain_pickle(put(tmp_path, pickle.dumps(bomb, 2)))


@pytest.mark.parametrize(
    ("content", "bound"),
    [
        (b"N" * 60 + b".", "MAX_VALUES"),
        (b"(" * 60, "MAX_VALUES"),
        (b"N" + b"\x94" * 60, "MAX_VALUES"),
        (b"]" * 60, "MAX_CONTAINERS"),
    ],
)
def test_values_lists_and_bytes_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, bound: str
) -> None:
    monkeypatch.setattr(plain_pickle, bound, 50)
    with pytest.raises(ConfigurationError, match="expected at most 50"):
        read_plain_pickle(put(tmp_path, content))
    monkeypatch.setattr(plain_pickle, "MAX_BYTES", 20)
    with pytest.raises(ConfigurationError, match="expected a pickle of at most 20 bytes"):
        read_plain_pickle(put(tmp_path, content))


def test_a_value_may_stand_in_several_places(tmp_path: Path) -> None:
    shared = ["a"]
    assert read_plain_pickle(put(tmp_path, pickle.dumps([shared, shared, {"k": shared}], 2))) == [
        ["a"],
        ["a"],
        {"k": ["a"]},
    ]


def test_damaged_files_are_refused_or_read_and_never_crash(tmp_path: Path) -> None:
    for name in ("refs(unc).p", "instances.json"):
        (tmp_path / name).write_bytes((OFFICIAL / "refcoco" / name).read_bytes())
    raw, rng = (tmp_path / "refs(unc).p").read_bytes(), random.Random("pickle")
    for _ in range(400):
        start = rng.randrange(len(raw))
        end = min(len(raw), start + rng.randint(1, 8))
        damaged = rng.choice(
            [raw[:start], raw[:start] + rng.randbytes(end - start) + raw[end:], raw[:start] + raw[end:]]
        )
        (tmp_path / "refs(unc).p").write_bytes(damaged)
        try:
            samples = list(refcoco.read(tmp_path / "refs(unc).p", None))
        except ConfigurationError as error:
            assert "refs(unc).p" in str(error)
        else:
            assert all(s.problem is None or s.problem.startswith("refs(unc).p: sample ") for s in samples)


def test_what_is_no_list_of_refs(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"expected a list of \{ref_id, .*got \{'a': 1\}"):
        refcoco.read(put(tmp_path, pickle.dumps({"a": 1})), None)
    (tmp_path / "folder.p").mkdir()
    with pytest.raises(ConfigurationError, match=r"folder\.p cannot be read: it is a folder"):
        read_plain_pickle(tmp_path / "folder.p")
