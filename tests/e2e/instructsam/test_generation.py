"""Decoding with slots goes on where the reference fails."""

from collections.abc import Callable

import pytest
import torch

from e2e.instructsam.generation import SlotRow, fits
from e2e.instructsam.predictor import Predictor
from tests.e2e.conftest import SLOTS
from tests.e2e.generated import answer

Write = Callable[..., None]


def test_an_answer_without_a_phrase_has_no_slots(predictor: Predictor, write: Write) -> None:
    write("none")
    (written,) = answer(predictor, "the red mug")
    assert written.phrases == []
    assert written.slot_states.shape == (0, SLOTS, 48)
    assert not written.cut_off


def test_each_phrase_has_its_slots(predictor: Predictor, write: Write) -> None:
    write("<red mug>, <pear>")
    (written,) = answer(predictor, "the red mug and the pear", max_new_tokens=20)
    assert [predictor.processor.text(phrase) for phrase in written.phrases] == ["red mug", "pear"]
    assert written.slot_states.shape == (2, SLOTS, 48)
    assert not torch.allclose(written.slot_states[0], written.slot_states[1])


def test_a_slot_token_in_the_output_is_ordinary_text(predictor: Predictor, write: Write) -> None:
    config = predictor.model.config
    mug = predictor.processor.words("mug")
    write(
        [config.seg_token_index, config.ref_start_token_index, *mug, config.seg_token_index, config.ref_end_token_index]
    )
    (written,) = answer(predictor, "the mug")
    assert len(written.phrases) == 1
    assert written.slot_states.shape == (1, SLOTS, 48)


def test_an_end_marker_without_a_start_feeds_no_slots(predictor: Predictor, write: Write) -> None:
    write("> mug > <pear>", end=True)
    (written,) = answer(predictor, "the pear", max_new_tokens=20)
    assert [predictor.processor.text(phrase) for phrase in written.phrases] == ["pear"]
    assert len(written.slot_states) == 1


def test_a_second_start_marker_belongs_to_the_open_phrase(predictor: Predictor, write: Write) -> None:
    write("<red <mug>")
    (written,) = answer(predictor, "the mug", max_new_tokens=20)
    assert len(written.phrases) == len(written.slot_states) == 1
    assert written.phrases[0].count(predictor.model.config.ref_start_token_index) == 2


def test_a_phrase_that_is_open_at_the_limit_is_dropped(predictor: Predictor, write: Write) -> None:
    write("<mug> <red red red red red red", end=False)
    (written,) = answer(predictor, "the mug", max_new_tokens=8)
    assert written.cut_off
    assert len(written.token_ids) == 8
    assert len(written.phrases) == len(written.slot_states) == 1


def test_a_phrase_that_closes_at_the_limit_keeps_its_slots(predictor: Predictor, write: Write) -> None:
    write("<mug>", end=False)
    length = len(predictor.processor.words("mug")) + 2
    (written,) = answer(predictor, "the mug", max_new_tokens=length)
    assert written.cut_off
    assert len(written.phrases) == len(written.slot_states) == 1


def test_an_answer_never_exceeds_the_context(predictor: Predictor, write: Write) -> None:
    write("<mug>" * 60, end=False)
    (written,) = answer(predictor, "the mug", max_new_tokens=1000)
    prompt = len(predictor.processor.prompt("the mug", (1, 8, 8)))
    used = prompt + len(written.token_ids) + len(written.phrases) * (SLOTS + 2)
    assert written.cut_off
    assert used <= predictor.model.config.text_config.max_position_embeddings + 1
    assert len(written.phrases) == len(written.slot_states) > 5


def test_a_prompt_that_leaves_no_room_does_not_fit(predictor: Predictor) -> None:
    limit = predictor.model.config.text_config.max_position_embeddings
    assert fits(predictor.model, limit - 32 - SLOTS - 3)
    assert not fits(predictor.model, limit - 32 - SLOTS - 2)


@pytest.mark.parametrize("text", ["<|im_end|>", "[SEG]", "<|image_pad|>", "<|object_ref_start|>x<|object_ref_end|>"])
def test_an_instruction_cannot_spell_a_special_token(predictor: Predictor, text: str) -> None:
    plain = predictor.processor.prompt("", (1, 8, 8))
    special = set(predictor.processor.tokenizer.all_special_ids)
    ids = predictor.processor.prompt(text, (1, 8, 8))
    assert [i for i in ids if i in special] == [i for i in plain if i in special]
    assert len(ids) > len(plain)


def test_a_phrase_that_repeats_itself_is_ended_and_dropped(predictor: Predictor, write: Write) -> None:
    write("<mug> <pear " + "red mug " * 40, end=False)
    (written,) = answer(predictor, "the mug", max_new_tokens=60)
    assert written.repeating and not written.cut_off
    assert [predictor.processor.text(phrase) for phrase in written.phrases] == ["mug"]
    assert len(written.token_ids) < 30


def test_words_that_come_back_a_few_times_are_no_repetition(predictor: Predictor, write: Write) -> None:
    write("<red red red red red mug>")
    (written,) = answer(predictor, "the mug", max_new_tokens=60)
    assert not written.repeating and len(written.phrases) == 1


OPENS, CLOSES, WORD, FED = -1, -2, 20, "the end of the phrase with its slots"


@pytest.mark.parametrize(
    ("written", "left", "guessed"),
    [
        ([], 99, [[OPENS]]),
        ([OPENS], 99, []),
        ([WORD], 99, []),
        ([OPENS, WORD], 99, FED),
        ([OPENS, WORD, WORD], 99, FED),
        ([OPENS, WORD, CLOSES], 99, []),
        ([OPENS, WORD, CLOSES, WORD], 99, []),
        ([OPENS, WORD], 1, FED),
        ([OPENS, WORD], 0, []),
    ],
)
def test_a_phrase_is_guessed_to_end_after_each_of_its_words(
    predictor: Predictor, written: list[int], left: int, guessed: list[list[int]] | str
) -> None:
    """`left`: how many tokens fit the context after the next one, its slots being one of them."""
    config = predictor.model.config
    marker = {OPENS: config.ref_start_token_index, CLOSES: config.ref_end_token_index}
    longest = config.text_config.max_position_embeddings
    row = SlotRow(config, 1, 99)
    for token in written:
        row.take(marker.get(token, token), torch.empty(0))
    row.length = longest - left - config.fed
    found = row.guess()
    if guessed == FED:
        row.length += 1
        assert found == [row.take(config.ref_end_token_index, torch.empty(0))] and len(found[0]) == config.fed
    else:
        assert found == [[marker[token] for token in feed] for feed in guessed]
