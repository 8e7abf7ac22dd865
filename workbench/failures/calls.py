"""What went wrong in single calls, also where the sample recovered from it.

The system that makes a call says in its note what went wrong: `call.note.mistake`, one of
`workbench.data.vocabulary.MISTAKES` or a name of its own, which is counted as `other: NAME`. What ends a sample without
being a call's own (rounds used up, an exception) counts once, by the sample's outcome.
"""

from collections import Counter
from collections.abc import Iterable

from workbench.data.predictions import OK, Prediction
from workbench.data.vocabulary import MISTAKES, counted_as


def call_failures(prediction: Prediction) -> dict[str, int]:
    """How many calls of a sample made each of `MISTAKES`, every one a key, and each mistake of the system's own.

    A sample that failed has at least one in the category of its outcome, where that is one.
    """
    made = [call.note.mistake for call in prediction.calls if call.note.mistake]
    counts = Counter(counted_as(mistake, MISTAKES) for mistake in made)
    if prediction.outcome in MISTAKES and not counts[prediction.outcome]:
        counts[prediction.outcome] = 1
    own = sorted(counts.keys() - MISTAKES.keys())
    return {mistake: counts[mistake] for mistake in (*MISTAKES, *own)}


def tally_calls(predictions: Iterable[Prediction]) -> dict[str, dict[str, int]]:
    """`call_failures` over samples, and `recovered_calls`: those of samples that ended with an answer."""
    total, recovered = dict.fromkeys(MISTAKES, 0), dict.fromkeys(MISTAKES, 0)
    for prediction in predictions:
        for mistake, count in call_failures(prediction).items():
            total[mistake] = total.get(mistake, 0) + count
            recovered[mistake] = recovered.get(mistake, 0) + (count if prediction.outcome == OK else 0)
    return {"call_failures": total, "recovered_calls": recovered}
