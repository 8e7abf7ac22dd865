"""What went wrong in single calls, including calls from which the sample recovered.

The system that makes a call names the mistake in its note: `call.note.mistake` is one of
`workbench.data.vocabulary.MISTAKES`, or a name of the system's own, which is counted as `other: NAME`. A failure of the
whole sample that belongs to no single call (rounds used up, an exception) counts once, under the sample's outcome.
"""

from collections import Counter
from collections.abc import Iterable

from workbench.data.predictions import OK, Prediction
from workbench.data.vocabulary import MISTAKES, counted_as


def call_failures(prediction: Prediction) -> dict[str, int]:
    """The number of a sample's calls with each of `MISTAKES` (all of them are keys) and with each mistake of the
    system's own.

    A failed sample counts at least once in the category of its outcome, if its outcome is one of the categories.
    """
    made = [call.note.mistake for call in prediction.calls if call.note.mistake]
    counts = Counter(counted_as(mistake, MISTAKES) for mistake in made)
    if prediction.outcome in MISTAKES and not counts[prediction.outcome]:
        counts[prediction.outcome] = 1
    own = sorted(counts.keys() - MISTAKES.keys())
    return {mistake: counts[mistake] for mistake in (*MISTAKES, *own)}


def tally_calls(predictions: Iterable[Prediction]) -> dict[str, dict[str, int]]:
    """`call_failures` summed over samples, and `recovered_calls`: those in samples that ended with an answer."""
    tally = no_calls()
    for prediction in predictions:
        add_calls(tally, prediction)
    return tally


def no_calls() -> dict[str, dict[str, int]]:
    """The tally of no samples."""
    return {"call_failures": dict.fromkeys(MISTAKES, 0), "recovered_calls": dict.fromkeys(MISTAKES, 0)}


def add_calls(tally: dict[str, dict[str, int]], prediction: Prediction) -> None:
    """Count the calls of one more sample in a tally."""
    total, recovered = tally["call_failures"], tally["recovered_calls"]
    for mistake, count in call_failures(prediction).items():
        total[mistake] = total.get(mistake, 0) + count
        recovered[mistake] = recovered.get(mistake, 0) + (count if prediction.outcome == OK else 0)
