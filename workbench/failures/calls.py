"""What went wrong in single calls, also where the sample recovered from it.

A call carries its category as `note["mistake"]`, written by the system that made the call; there is one at most. What
ends a sample without being a call's own (rounds used up, an exception) counts once, by the sample's outcome.
"""

from collections import Counter
from collections.abc import Iterable

from workbench.data.predictions import OK, Prediction

CALL_CATEGORIES: dict[str, str] = {
    "malformed_call": "a reply without a readable tool call",
    "unknown_tool": "a reply that names a tool that does not exist or may not be used",
    "wrong_order": "a call of a tool for masks while there are none",
    "bad_parameters": "a call with parameters that the tool does not take",
    "repeated_phrase": "a phrase that was sent to the segmenter before",
    "unreadable_verdict": "a mask check without a readable verdict",
    "cut_off": "a reply that hit its length limit before it was complete",
    "timed_out": "a request without a reply in time, or once for a sample past its time limit",
    "model_unavailable": "a request that the language model's server refused, broke off or answered with an error",
    "too_long": "a request that does not fit the model's context",
    "segmenter_failed": "a segmenter call that raised an exception",
    "budget_spent": "once for a sample whose rounds were used up",
    "crashed": "once for a sample in which the system raised an exception",
}


def call_failures(prediction: Prediction) -> dict[str, int]:
    """How many calls of a sample fell into each of `CALL_CATEGORIES`; every category is a key.

    A sample that failed has at least one in the category of its outcome, where that is one.
    """
    found = Counter(call.note.get("mistake") for call in prediction.calls)
    if not found[prediction.outcome]:
        found[prediction.outcome] = 1
    return {category: found[category] for category in CALL_CATEGORIES}


def tally_calls(predictions: Iterable[Prediction]) -> dict[str, dict[str, int]]:
    """`call_failures` over samples, and `recovered_calls`: those of samples that ended with an answer."""
    total, recovered = dict.fromkeys(CALL_CATEGORIES, 0), dict.fromkeys(CALL_CATEGORIES, 0)
    for prediction in predictions:
        for category, count in call_failures(prediction).items():
            total[category] += count
            recovered[category] += count if prediction.outcome == OK else 0
    return {"call_failures": total, "recovered_calls": recovered}
