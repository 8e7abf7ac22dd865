"""What the model is sent: pictures, and masks in words."""

from agents.loop import graph
from tests.agents.loop.sent import pictures, requests, texts
from tests.agents.scripted import (
    ACCEPT,
    EXAMINE,
    REJECT,
    segment,
    select,
    workspace,
)


def test_the_raw_image_is_one_picture_in_all_requests_and_features_are_computed_once() -> None:
    work = workspace([segment("ghost"), segment("thing"), EXAMINE, ACCEPT, REJECT, REJECT, select(1)])
    graph.run(work)
    raws = {id(pictures(request)[0]) for request in requests(work)}
    assert len(raws) == 1
    assert work.segmenter.encoded == 1  # type: ignore[attr-defined]


def test_masks_are_described_in_words_on_request() -> None:
    work = workspace([segment("thing"), select(1)], describe_masks=True)
    graph.run(work)
    lines = texts(requests(work)[1][-1]).split("\n")[1:]
    assert [line.split()[:3] for line in lines] == [["1", "1", "1"], ["2", "3", "1"], ["3", "6", "5"]]
    largest, smallest = lines[2].split()[3], lines[1].split()[3]
    assert smallest < lines[0].split()[3] < largest
