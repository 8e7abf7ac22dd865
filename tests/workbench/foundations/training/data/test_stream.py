"""The stream: what stands at a number, epochs, weights, and pictures that cannot be used."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest

from workbench.data.errors import SampleError, StoppedError
from workbench.foundations.training.data.options import SourceOptions
from workbench.foundations.training.data.questions import Picture, Question
from workbench.foundations.training.data.sources import Ask
from workbench.foundations.training.data.stream import ATTEMPTS, Stream, shuffled


@dataclass
class Numbers:
    """Pictures that are their numbers; the broken ones cannot be read."""

    options: SourceOptions
    pictures: int
    endless: bool = False
    broken: set[int] = field(default_factory=set)

    def picture(self, number: int, rng: np.random.Generator, ask: Ask) -> Picture:
        if number in self.broken:
            raise SampleError(f"{number} is broken")
        asked = [Question(f"left {rng.integers(1000)}", "left", np.zeros((0, 1, 1), dtype=bool))]
        return Picture(np.zeros((1, 1, 3), dtype=np.uint8), asked, self.options.name, str(number))


def source(name: str, pictures: int, weight: float = 1.0, **more: object) -> Numbers:
    return Numbers(SourceOptions("coco", weight=weight, name=name), pictures, **more)  # type: ignore[arg-type]


def taken(stream: Stream, numbers: range) -> list[tuple[str, str]]:
    return [(one.source, one.name) for one in (stream.take(n).picture for n in numbers)]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 65, 1000])
def test_an_order_has_each_number_once_and_is_another_in_each_turn(count: int) -> None:
    orders = [[shuffled(n, count, 5, turn) for n in range(count)] for turn in range(2)]
    assert all(sorted(order) == list(range(count)) for order in orders)
    assert count < 7 or orders[0] != orders[1]


def test_an_order_mixes_evenly() -> None:
    """The correlation of number and place is that of chance."""
    order = [shuffled(n, 2000, 1, 0) for n in range(2000)]
    assert abs(np.corrcoef(order, range(2000))[0, 1]) < 0.07
    assert np.mean(np.abs(np.diff(order))) == pytest.approx(2000 / 3, rel=0.08)


def test_an_epoch_has_each_picture_as_often_as_its_weight_says() -> None:
    stream = Stream([source("a", 10), source("b", 5, 2.0), source("c", 8, 0.5)], seed=3)
    assert stream.epoch == 10 + 10 + 4
    counts = Counter(taken(stream, range(24)))
    assert Counter(name for name, _ in counts.elements()) == {"a": 10, "b": 10, "c": 4}
    assert {counts["a", str(n)] for n in range(10)} == {1}
    assert {counts["b", str(n)] for n in range(5)} == {2}
    two = Counter(taken(stream, range(48)))
    assert {two["c", str(n)] for n in range(8)} == {1}  # the half that the first epoch left out


def test_what_stands_at_a_number_depends_on_seed_and_number_alone() -> None:
    def stream(seed: int) -> Stream:
        return Stream([source("a", 10), source("b", 5)], seed=seed, flips=True)

    one, other = stream(0), stream(0)
    forwards = [one.take(n).picture.questions[0].text for n in range(40)]
    assert [other.take(n).picture.questions[0].text for n in reversed(range(40))] == forwards[::-1]
    assert [stream(1).take(n).picture.questions[0].text for n in range(40)] != forwards
    sides = Counter(text.split()[0] for text in forwards)
    assert min(sides["left"], sides["right"]) > 10


def test_without_a_shuffle_sources_and_pictures_come_in_order() -> None:
    stream = Stream([source("a", 2), source("b", 3)], seed=0, shuffle=False)
    names = [f"{name}{number}" for name, number in taken(stream, range(7))]
    assert names == ["a0", "a1", "b0", "b1", "b2", "a0", "a1"]


def test_an_endless_source_alone_comes_in_order_and_beside_others_never_repeats() -> None:
    endless = source("drawn", 4, endless=True)
    assert taken(Stream([endless], seed=0), range(6)) == [("drawn", str(n)) for n in range(6)]
    drawn = [number for name, number in taken(Stream([source("a", 4), endless], seed=0), range(24)) if name == "drawn"]
    assert sorted(map(int, drawn)) == list(range(12))


def test_a_picture_that_cannot_be_used_is_replaced_and_named() -> None:
    stream = Stream([source("a", 10, broken={3})], seed=0)
    found = [stream.take(n) for n in range(10)]
    (number,) = (n for n, one in enumerate(found) if one.skipped)
    assert found[number].skipped == ("a: 3 is broken",)
    assert "3" not in {one.picture.name for one in found}
    assert stream.take(number).picture.name == found[number].picture.name


def test_many_that_cannot_be_used_stop_the_run() -> None:
    with pytest.raises(StoppedError, match=f"{ATTEMPTS} pictures in a row cannot be used; the last: a: "):
        Stream([source("a", 3, broken={0, 1, 2})], seed=0).take(0)
