"""What predictors of a single pass share: batches, sizes of masks, traces."""

from collections.abc import Callable
from dataclasses import replace

import torch

from e2e.instructsam.predictor import Predictor
from e2e.single_pass.predictor import mask_rles
from tests.e2e.seen import assert_same, picture
from workbench.data.masks import decode
from workbench.data.predictions import Trace

Write = Callable[..., None]


def test_a_batch_equals_single_answers(predictor: Predictor, write: Write) -> None:
    """Two images of different shape, one with two instructions, answers of different length."""
    predictor = replace(predictor, threshold=0.2, max_new_tokens=20)
    images = [picture(0), picture(1, 48, 80)]
    asked = [["the mug", "all fruit, please"], ["nothing"]]
    lines = [["<mug>", "<red apple> and <pear>"], ["none"]]
    single = []
    for image, texts, spoken in zip(images, asked, lines, strict=True):
        for text, line in zip(texts, spoken, strict=True):
            write(line)
            single.append(predictor.segment_instructions([image], [[text]])[0][0])
    write(*[line for spoken in lines for line in spoken])
    together = predictor.segment_instructions(images, asked)
    assert [len(answers) for answers in together] == [2, 1]
    for one, other in zip([a for answers in together for a in answers], single, strict=True):
        assert_same(one, other)
    assert together[0][1].phrases == ("red apple", "pear")
    assert len(together[0][1].instances) > 0
    assert together[1][0].instances == ()


def test_masks_have_the_image_size(predictor: Predictor, write: Write) -> None:
    write("<mug>")
    answer = replace(predictor, threshold=0.0).segment_instructions([picture(0, 50, 91)], [["mug"]])[0][0]
    assert {tuple(slot.mask["size"]) for slot in answer.instances} == {(50, 91)}


def test_an_instruction_that_does_not_fit_is_not_answered(predictor: Predictor, write: Write) -> None:
    write("<mug>")
    long, short = predictor.segment_instructions([picture(0)], [["mug " * 400, "mug"]])[0]
    assert long.too_long
    assert long.phrases == ()
    assert long.prompt_tokens > 400
    assert not short.too_long
    assert short.phrases == ("mug",)


def test_the_trace_has_one_call_per_stage(predictor: Predictor, write: Write) -> None:
    write("<mug>")
    trace = Trace()
    predictor.segment_instructions([picture(0)], [["mug"]], trace)
    assert [call.kind for call in trace.calls] == ["encode", "llm", "segment", "decode"]
    assert all(call.duration > 0 for call in trace.calls)


def test_mask_logits_are_resized_before_they_are_cut() -> None:
    logits = torch.tensor([[[-3.0, 1.0], [-3.0, 1.0]]])
    (mask,) = (decode(rle) for rle in mask_rles(logits, 2, 8))
    # bilinear without aligned corners: -3 -3 -2.5 -1.5 -0.5 0.5 1 1
    assert mask.astype(int).tolist() == [[0, 0, 0, 0, 0, 1, 1, 1]] * 2


def test_a_limit_of_pixels_makes_a_large_picture_fit(predictor: Predictor, write: Write) -> None:
    write("<mug>")
    large = picture(0, 900, 1300)
    (whole,) = predictor.segment_instructions([large], [["mug"]])[0]
    assert whole.too_long
    before = predictor.processor.patches
    predictor.processor.limit(64 * 64)
    try:
        (limited,) = predictor.segment_instructions([large], [["mug"]])[0]
    finally:
        predictor.processor.patches = before
    assert not limited.too_long and limited.phrases == ("mug",)
    assert limited.prompt_tokens < 200
