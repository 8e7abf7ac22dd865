"""The meaning of the words in a report, one line each."""

from workbench.data.results import Results
from workbench.data.units import definition
from workbench.data.vocabulary import (
    CALL_KINDS,
    FUNNEL_STAGES,
    INSTANCE_CATEGORIES,
    MATCHED,
    MISSED,
    MISSED_REASONS,
    MISTAKES,
    OUTCOMES,
    SAMPLE_CATEGORIES,
    TARGET_CATEGORIES,
    title,
)
from workbench.scoring.oracles import ORACLES

COSTS = {
    "latency": "Seconds of wall time from image in memory to masks, one sample at a time after a warm-up; p90 is "
    "what 9 of 10 samples do not exceed. An interval is left out where there are too few images for it.",
    "rounds": "Requests to a language model in the conversation of a sample, checks of single masks left out.",
    "throughput": "Samples in a second of work where a system is given several at once; latency is not measured then.",
    "processor time": "Mean seconds of all processors that a system's process used for a sample; what a server or a "
    "GPU computed is not in it.",
    "waiting for a processor": "The share of its time in which a system was ready to run, but something else had the "
    "processor: the machine was busy, and latencies are too high.",
    "price": "By the prices that were given for a second and for tokens; failed samples and those without targets "
    "cost, too.",
    "cold start": "Seconds to load the system and to answer once before anything is timed.",
    "calls": "Model calls for a sample, of all kinds.",
    "tokens": "Tokens that language models read and wrote for a sample.",
    "per correct instance": "All that the samples took, over all instances that match a target at IoU 0.5; samples "
    "without targets and failed ones take their part.",
    "failed": "Samples without an answer; they score as empty answers.",
    "95 % interval": "Student's, with the bias of a bootstrap over images, and the standard error of leaving out each "
    "(of more than 400 images, of the bootstrap); Jeffreys' for a value that is a share. Two systems are compared on "
    "the same draws.",
}

CURVES = {
    "score threshold": "Score that an instance has to exceed. Others are tried on stored answers: below that of the "
    "run they are known only where a system stored what scored too low.",
    "expected calibration error": "Mean distance between the score of instances and the share of them that match a "
    "target at IoU 0.5, over tenths of the score, weighted by instances.",
    "risk and coverage": "If only answers above a confidence are given, the lowest score of their instances: the share "
    "of those that are not exactly right, and how many samples they are of all.",
    "suppression": "Of two instances of an answer whose masks overlap by more than a limit (IoU), the one that scores "
    "lower is dropped afterwards.",
}

CALLS = {kind.title: kind.sentence for kind in CALL_KINDS.values()}

INSTANCES = {MISSED: f"a target: {TARGET_CATEGORIES[MISSED]}"} | {
    name: sentence for name, sentence in INSTANCE_CATEGORIES.items() if name != MATCHED
}
"""What goes wrong in instances and targets; see `workbench.failures.taxonomy`."""

SAMPLES = {name: sentence for name, sentence in SAMPLE_CATEGORIES.items() if name != "exact_set"}
"""What goes wrong in whole samples, each sample in at most one."""

NAMES = {
    key: title(key)
    for table in (
        INSTANCE_CATEGORIES,
        TARGET_CATEGORIES,
        SAMPLE_CATEGORIES,
        MISSED_REASONS,
        FUNNEL_STAGES,
        OUTCOMES,
        MISTAKES,
    )
    for key in table
}
"""How a word of the bench is shown; a name of a system's own is not in here, and shown as it is."""


WITHOUT_TRUTH = ("Costs and intervals", "Calls", "What goes wrong in a call", "Outcomes")
"""Sections that explain a run without truth."""


def definitions(results: Results) -> dict[str, dict[str, str]]:
    """Every definition by section and name; those of the metrics are the metric set's own. Of a run without truth, only
    those of costs, calls and outcomes."""
    metrics = {name: text for name, info in results.metrics.items() if (text := definition(info))}
    named = {
        "Metrics": metrics,
        "Costs and intervals": COSTS,
        "Curves from stored answers": CURVES if any(one.curves for one in results.systems.values()) else {},
        "Calls": CALLS,
        "What goes wrong in an instance or target": INSTANCES,
        "What goes wrong in a sample": SAMPLES,
        "What became of a missed target": MISSED_REASONS,
        "How far a target got": FUNNEL_STAGES,
        "What goes wrong in a call": MISTAKES,
        "What a perfect part would do": ORACLES,
        "Outcomes": OUTCOMES,
    }
    if not results.has_truth:
        named = {section: lines for section, lines in named.items() if section in WITHOUT_TRUTH}
    named_sections = {
        section: {NAMES.get(key, key): line for key, line in lines.items()} for section, lines in named.items()
    }
    return {section: lines for section, lines in named_sections.items() if lines}
