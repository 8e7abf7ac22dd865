"""Notes of model calls: what is stored of them, and notes of earlier versions."""

from tests.workbench.data.stored import stored
from workbench.data.predictions import Note, Sent


def test_only_what_a_note_says_is_stored() -> None:
    assert [call["note"] for call in stored()["calls"]] == [
        {
            "request": "main",
            "sent": [{"role": "user", "text": "a cup"}, {"role": "user", "picture": "raw", "masks": []}],
        },
        {"phrase": "cup", "masks": 2, "extra": {"crop": [1, 2]}},
        {},
    ]


def test_notes_of_earlier_versions_are_read_into_fields() -> None:
    single = Note.from_json({"text": "mug", "batch": 3})
    assert (single.reply, single.batch, single.extra) == ("mug", 3, {})
    drawn = Note.from_json({"picture": "all_masks", "masks": ["04L0", "0"]})
    assert (drawn.marked, drawn.masks) == (["04L0", "0"], None)
    asked = Note.from_json(
        {"request": "main", "sent": [{"role": "user", "picture": "all_masks", "masks": ["04L0"]}], "tool": "x"}
    )
    assert asked == Note(request="main", sent=[Sent("user", picture="all_masks", masks=("04L0",))], tool="x")


def test_what_a_note_has_no_field_for_is_kept_as_the_system_s_own() -> None:
    note = Note.from_json({"phrase": ["a", "b"], "prompt": "p", "mistake": "cut_off", "extra": {"seed": 1}})
    assert note == Note(mistake="cut_off", extra={"phrase": ["a", "b"], "prompt": "p", "seed": 1})
    assert Note.from_json(note.to_json()) == note
