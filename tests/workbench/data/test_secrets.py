"""Keys and passwords are hidden wherever they stand, and nothing else is."""

from collections.abc import Iterator

import pytest

from workbench.data import secrets
from workbench.data.errors import ConfigurationError

KEY = "sk-Proj/Abc+123=xyz.4567"


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    secrets.forget()
    yield
    secrets.forget()


@pytest.mark.parametrize(
    "said",
    [
        f"bad key {KEY}.",
        f"bad key {KEY.upper()}.",
        "bad key sk-Proj%2FAbc%2B123%3Dxyz.4567.",
        "bad key c2stUHJvai9BYmMrMTIzPXh5ei40NTY3.",
        f"bad key {KEY}{KEY}.",
    ],
)
def test_a_key_is_hidden_in_any_case_and_encoding(said: str) -> None:
    secrets.remember(KEY)
    assert secrets.hide(said) in ("bad key [key].", "bad key [key][key].")


@pytest.mark.parametrize("end", range(8, len(KEY)))
def test_a_key_is_hidden_wherever_it_is_cut(end: int) -> None:
    secrets.remember(KEY)
    assert secrets.hide(f"got {KEY[:end]}") == "got [key]"
    assert secrets.hide(f"{KEY[-end:]} got") == "[key] got"


def test_a_short_key_is_hidden_as_a_whole_word() -> None:
    secrets.remember("mug")
    assert secrets.hide("key mug, Mug: smuggler") == "key [key], [key]: smuggler"


def test_a_login_in_an_address_is_hidden() -> None:
    shown = secrets.hide("at http://me:pass@host:80/v1 or http://host/a@b")
    assert shown == "at http://[login]@host:80/v1 or http://host/a@b"


def test_texts_of_a_record_are_hidden_and_masks_are_not() -> None:
    secrets.remember("abcdefghij")
    record = {"abcdefghij": ["x abcdefghij", 1, None], "mask": {"size": [1, 2], "counts": "abcdefghij"}}
    assert secrets.hidden(record) == {
        "[key]": ["x [key]", 1, None],
        "mask": {"size": [1, 2], "counts": "abcdefghij"},
    }


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a.api_key=anything", "a.api_key=[key]"),
        ("a.password=1", "a.password=[key]"),
        ("a.max_tokens=128", "a.max_tokens=128"),
        ("a.model=sk-abcdefghijklmnop1234", "a.model=[key]"),
        ("a.endpoint=https://u:p@host/v1?key=abc&x=1", "a.endpoint=https://[login]@host/v1?key=[key]&x=1"),
        ("a.model=Qwen/Qwen3-VL-8B-Thinking", "a.model=Qwen/Qwen3-VL-8B-Thinking"),
        ("inst2seg.annotations=data/sk-tests/a.json", "inst2seg.annotations=data/sk-tests/a.json"),
    ],
)
def test_a_setting_is_shown_without_what_is_secret_in_it(given: str, shown: str) -> None:
    assert secrets.hide_setting(given) == shown


def test_white_space_around_a_key_is_stripped() -> None:
    assert secrets.clean_key(" sk-abc\r\n", "KEY") == "sk-abc"
    assert secrets.clean_key(" \n", "KEY") == ""


@pytest.mark.parametrize(("key", "what"), [("ab\ncd", "a line break"), ("ab\0cd", "U\\+0000"), ("abécd", "U\\+00E9")])
def test_a_key_that_no_header_can_carry_is_refused_by_name(key: str, what: str) -> None:
    expected = rf"OPENAI_API_KEY: .* of {len(key)} characters with {what} at position 3"
    with pytest.raises(ConfigurationError, match=expected) as caught:
        secrets.clean_key(key, "OPENAI_API_KEY")
    assert key not in str(caught.value)


def test_a_login_is_taken_out_of_an_address_and_remembered() -> None:
    assert secrets.without_login("http://me:s3cretword@host:8/v1") == ("http://host:8/v1", "me:s3cretword")
    assert secrets.without_login("http://host/v1") == ("http://host/v1", "")
    assert secrets.hide("s3cretword") == "[key]"
