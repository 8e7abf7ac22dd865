"""What the words of a report mean, one line each."""

from workbench.data.predictions import OUTCOMES
from workbench.failures.calls import CALL_CATEGORIES
from workbench.scoring.oracles import ORACLES

METRICS = {
    "mAP": "Average precision, mean over IoU thresholds .50 to .95: one ranking of all predicted instances by score; "
    "duplicates and answers to no-target samples count as false positives.",
    "AP50": "Average precision where an instance counts as found at IoU 0.5.",
    "AP75": "Average precision where an instance counts as found at IoU 0.75.",
    "gIoU": "Mean over samples of the IoU between all predicted and all target pixels; two empty masks give 1, "
    "a failed answer 0.",
    "cIoU": "Sum of intersections over sum of unions, of pixels of all samples: large objects weigh more.",
    "N_acc": "Share of the no-target samples that were answered with no instance.",
    "T_acc": "Share of the samples with targets that were answered with an instance, right or wrong.",
}

COSTS = {
    "latency": "Seconds of wall time from image in memory to masks, one sample at a time after a warm-up; p90 is "
    "what 9 of 10 samples do not exceed. An interval is left out where there are too few images for it.",
    "rounds": "Requests to a language model in the conversation of a sample, checks of single masks left out.",
    "throughput": "Samples in a second of work where a system is given several at once; latency is not measured then.",
    "cold start": "Seconds to load the system and to answer once before anything is timed.",
    "calls": "Model calls for a sample, of all kinds.",
    "tokens": "Tokens that language models read and wrote for a sample.",
    "per correct instance": "All that the samples took, over all instances that match a target at IoU 0.5; samples "
    "without targets and failed ones take their part.",
    "failed": "Samples without an answer; they score as empty answers.",
    "95 % interval": "Percentile bootstrap over images; two systems are compared on the same draws.",
}

CALLS = {
    "language model": "a request to a language model",
    "encode image": "image features of the segmenter or the model",
    "segment": "detector and mask head, for phrases or slots",
    "decode masks": "masks to image size and run lengths",
    "render": "pictures with marked masks for a language model",
}

INSTANCES = {
    "missed": "a target that no instance matches at IoU 0.5",
    "duplicate": "an instance on a target that another instance already matched",
    "wrong_instance": "an instance on another annotated object of the scene",
    "merged": "an instance that covers at least half of each of two or more targets",
    "split": "one of several instances that are parts of one target, which none of them matches",
    "poor_localisation": "an instance that touches a target at IoU 0.1 to 0.5",
    "background": "an instance on nothing that is annotated",
}
"""Failure categories of instances and targets; see `workbench.failures.taxonomy`."""

SAMPLES = {
    "failed": "the system ended without an answer; its outcome says how",
    "no_target_answered": "instances, although nothing in the image fits the instruction",
    "target_declined": "no instance, although there are targets",
    "over_count": "more instances than targets",
    "under_count": "fewer instances than targets, but some",
    "inexact_set": "as many instances as targets, but not all on target",
}
"""Failure categories of whole samples, each sample in at most one."""

MISSED = {
    "never_seen": "no candidate mask ever covered the target",
    "suppressed": "a candidate covered it and lost to an overlapping one",
    "empty": "its candidate mask was empty",
    "rejected": "the mask check rejected its candidate",
    "replaced": "a later phrase replaced its candidate",
    "unselected": "its candidate was shown to the language model and not selected",
    "low_score": "its candidate scored below the threshold",
}
"""What became of a missed target; see `workbench.data.predictions.Dropped`."""

FUNNEL = {
    "surfaced": "any mask, of any phrase or slot, was on the target at IoU 0.5",
    "survived_suppression": "one of them did not lose to an overlapping mask",
    "survived_checking": "one of those was not rejected by the mask check",
    "selected": "one of those was selected and not replaced by a later phrase",
    "above_threshold": "one of those reached the score threshold, so it is in the answer",
    "matched": "an instance took the target, not one that another target needed",
    "precise": "an instance took it at IoU 0.75",
}
"""How far a target got, each stage after the one before; see `workbench.failures.funnel`."""

NAMES = {
    key: key.replace("_", " ")
    for key in (*INSTANCES, *SAMPLES, *MISSED, *FUNNEL, *OUTCOMES, *CALL_CATEGORIES, "matched", "exact_set")
} | {"exact_set": "exact"}


def definitions() -> dict[str, dict[str, str]]:
    """Every definition by section and name."""
    named = {
        "Metrics": METRICS,
        "Costs and intervals": COSTS,
        "Calls": CALLS,
        "What goes wrong in an instance or target": INSTANCES,
        "What goes wrong in a sample": SAMPLES,
        "What became of a missed target": MISSED,
        "How far a target got": FUNNEL,
        "What goes wrong in a call": CALL_CATEGORIES,
        "What a perfect part would do": ORACLES,
        "Outcomes": OUTCOMES,
    }
    return {section: {NAMES.get(key, key): line for key, line in lines.items()} for section, lines in named.items()}
