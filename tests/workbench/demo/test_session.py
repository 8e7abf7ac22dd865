"""Which masks are chosen to be kept."""

from pathlib import Path

from tests.workbench.demo.test_side import STORED, given
from workbench.data.conditions import Conditions
from workbench.demo.session import Session, begun
from workbench.demo.side import side_of


def session(*outcomes: str) -> Session:
    conditions = Conditions(threshold=0.4)
    sides = tuple(side_of(given(*STORED, outcome), conditions) for outcome in outcomes or ("ok", "ok"))
    return begun(Path("photo.png"), "the red box", sides)


def test_the_first_answer_is_accepted_or_the_second_where_the_first_failed() -> None:
    assert session().kept == [(0, 1), (0, 2)]
    assert session("timed_out", "ok").kept == [(1, 1), (1, 2)]
    assert session("timed_out", "crashed").kept == []


def test_masks_of_either_side_are_added_and_removed() -> None:
    one = session().choosing([(0, 1), (1, 2), (1, 5)])
    assert one.kept == [(0, 1), (1, 2)], "what is not shown cannot be chosen"
    assert one.accepting(1).kept == [(1, 1), (1, 2)] and one.accepting(None).kept == []


def test_what_appears_on_the_accepted_side_is_chosen_and_what_disappears_is_not() -> None:
    one = session()
    lower = one.with_side(0, one.sides[0].at(0.2))
    assert lower.kept == [(0, 1), (0, 2), (0, 4)]
    assert lower.with_side(0, lower.sides[0].at(0.6)).kept == [(0, 1)]
    assert one.with_side(1, one.sides[1].at(0.2)).kept == one.kept, "the other side only offers more"
    assert one.choosing([(0, 2)]).with_side(1, one.sides[1].at(0.9)).kept == [(0, 2)]


def test_masks_of_the_same_thing_are_noticed() -> None:
    one = session().choosing([(0, 1), (0, 2), (1, 1)])
    assert one.alike() == [((0, 1), (1, 1), 1.0)] and session().alike() == []
