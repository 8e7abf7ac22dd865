import pytest

from tests.workbench.metrics.scenes import answer
from workbench.data.predictions import BAD_SAMPLE, OK, Call, Note
from workbench.data.vocabulary import MISTAKES, OUTCOMES
from workbench.failures.calls import call_failures, tally_calls


def call(mistake: str | None = None) -> Call:
    return Call("llm", 0.0, 1.0, note=Note(tool="segment_phrase", mistake=mistake))


def occurring(found: dict[str, int]) -> dict[str, int]:
    return {category: count for category, count in found.items() if count}


def test_calls_that_a_sample_recovered_from_are_counted() -> None:
    calls = (call("malformed_call"), call(), call("repeated_phrase"), call("malformed_call"))
    assert occurring(call_failures(answer("a", calls=calls))) == {"malformed_call": 2, "repeated_phrase": 1}


@pytest.mark.parametrize("outcome", sorted(OUTCOMES.keys() - {OK, BAD_SAMPLE}))
def test_every_failure_of_a_system_has_a_category_and_is_counted_at_least_once(outcome: str) -> None:
    assert outcome in MISTAKES
    assert occurring(call_failures(answer("a", outcome=outcome, calls=(call(),)))) == {outcome: 1}


def test_a_failure_that_its_calls_show_is_not_counted_again() -> None:
    failed = answer("a", outcome="malformed_call", calls=(call("malformed_call"),) * 3)
    assert occurring(call_failures(failed)) == {"malformed_call": 3}


def test_a_sample_that_no_system_saw_has_none() -> None:
    assert occurring(call_failures(answer("a", outcome=BAD_SAMPLE))) == {}


def test_the_tally_says_how_many_were_recovered_from() -> None:
    found = tally_calls(
        [
            answer("a", calls=(call("cut_off"),)),
            answer("b", outcome="cut_off", calls=(call("cut_off"),) * 3),
            answer("c", outcome="budget_spent", calls=(call("repeated_phrase"),)),
        ]
    )
    assert occurring(found["call_failures"]) == {"cut_off": 4, "repeated_phrase": 1, "budget_spent": 1}
    assert occurring(found["recovered_calls"]) == {"cut_off": 1}
    assert list(found["call_failures"]) == list(found["recovered_calls"]) == list(MISTAKES)


def test_a_mistake_of_a_system_s_own_is_counted_by_its_name() -> None:
    one = answer("a", calls=(call("bad_crop"), call("cut_off"), call("bad_crop")))
    assert occurring(call_failures(one)) == {"cut_off": 1, "other: bad_crop": 2}
    found = tally_calls([one, answer("b"), answer("c", outcome="crashed", calls=(call("bad_crop"),))])
    assert occurring(found["call_failures"]) == {"cut_off": 1, "crashed": 1, "other: bad_crop": 3}
    assert occurring(found["recovered_calls"]) == {"cut_off": 1, "other: bad_crop": 2}
