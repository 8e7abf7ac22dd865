"""The vocabulary of the bench. Each word is declared once, with its sentence: how an answer ended, what a call did, why
a mask was dropped, what went wrong. Code, results, glossary, report and the tables of `docs/diagnosis.md` read the
words from here.

A system of another package may use its own drop reasons, call kinds and mistakes. They are kept by name and counted as
`other: NAME`. Outcomes are fixed: a prediction with an unknown outcome is refused.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

OK = "ok"
BAD_SAMPLE = "bad_sample"  # image or annotation unusable; the system never saw it
CRASHED = "crashed"  # the system raised; the message says what
OUTCOMES: Mapping[str, str] = {
    OK: "the system answered (an empty answer is an answer)",
    BAD_SAMPLE: "the image or the annotation could not be used",
    CRASHED: "the system raised an exception",
    "malformed_call": "the agent's model never produced a readable tool call within its retries",
    "unknown_tool": "the agent's model kept naming a tool that does not exist",
    "wrong_order": "the agent's model kept calling a tool before there were masks for it",
    "bad_parameters": "the agent's model kept giving parameters the tool does not take",
    "unreadable_verdict": "a mask check gave no readable verdict within its retries",
    "model_unavailable": "the language model could not be reached or failed",
    "cut_off": "the language model's reply hit its length limit within every retry",
    "repeating": "the model wrote the same words again and again, and was stopped",
    "budget_spent": "the agent used up its rounds without a final answer",
    "timed_out": "the sample ran past its time limit",
    "segmenter_failed": "the segmenter raised an exception",
    "too_long": "the instruction does not fit the model's context",
}
"""How the answer to a sample ended."""


@dataclass(frozen=True)
class CallKind:
    """What a model call does: its title in tables and figures, and a sentence."""

    title: str
    sentence: str


CALL_KINDS: Mapping[str, CallKind] = {
    "llm": CallKind("language model", "a request to a language model"),
    "segment": CallKind("segment", "detector and mask head, for phrases or slots"),
    "encode": CallKind("encode image", "image features of the segmenter or the model"),
    "decode": CallKind("decode masks", "masks to image size and run lengths"),
    "render": CallKind("render", "pictures with marked masks for a language model"),
}

FUNNEL_STAGES: Mapping[str, str] = {
    "surfaced": "a mask of any phrase (agent) or of any slot (single pass) was on the target",
    "survived_suppression": "one of those masks was not empty and did not lose to an overlapping one",
    "survived_checking": "one of those was not rejected by the mask check",
    "selected": "one of those was selected, and not replaced by a later phrase",
    "above_threshold": "one of those reached the score threshold: it is in the answer",
    "matched": "an instance took the target, and was not needed for another one",
    "precise": "an instance took it at IoU 0.75 as well",
}
"""How far a target got on its way into the answer; each stage includes the ones before it."""


@dataclass(frozen=True)
class DropReason:
    """Why a mask that was seen is not in the answer. A target under such a mask did not pass the stage `lost_at`."""

    sentence: str
    lost_at: str


DROP_REASONS: Mapping[str, DropReason] = {
    "suppressed": DropReason("a mask on it lost to an overlapping one", "survived_suppression"),
    "empty": DropReason("its mask was empty", "survived_suppression"),
    "rejected": DropReason("the mask check rejected a mask on it", "survived_checking"),
    "replaced": DropReason("a later phrase replaced a mask on it", "selected"),
    "unselected": DropReason("a mask on it was shown to the language model and not selected", "selected"),
    "low_score": DropReason("a mask on it scored below the threshold", "above_threshold"),
}

NEVER_SEEN = "never_seen"
TAKEN = "taken"
MISSED_REASONS: Mapping[str, str] = {
    NEVER_SEEN: "no mask of the system was ever on it",
    **{name: reason.sentence for name, reason in DROP_REASONS.items()},
    TAKEN: "an instance of the answer is on it, but took another target",
}
"""What became of a target that no instance matched: never seen, why the mask on it was dropped, or that the instance on
it was needed for another target. Of several masks on it, the one that got furthest says why (`FUNNEL_STAGES`), and of
those that got equally far, the one that overlaps it most."""

MATCHED = "matched"
MISSED = "missed"
INSTANCE_CATEGORIES: Mapping[str, str] = {
    MATCHED: "takes a target; instances choose by falling score, each the free target that it overlaps most, at IoU "
    "0.5 or more",
    "duplicate": "on a target, at IoU 0.5 or more, that another instance took",
    "wrong_instance": "on another annotated instance of the scene, where the benchmark annotates them",
    "merged": "covers at least half of each of two or more targets",
    "split": "at least half of it lies in a target that nothing matched, and so does another instance, and together "
    "their parts make up at least half of that target",
    "poor_localisation": "best IoU with a target from 0.1 to below 0.5",
    "background": "all else",
}
"""What a predicted instance is; the first category that applies counts."""
TARGET_CATEGORIES: Mapping[str, str] = {
    MATCHED: "an instance took it at IoU 0.5 or more",
    MISSED: "no instance took it",
}
SAMPLE_CATEGORIES: Mapping[str, str] = {
    "failed": "the system ended without an answer; its outcome says how",
    "no_target_answered": "no target, yet instances",
    "target_declined": "targets, yet no instance",
    "over_count": "more instances than targets",
    "under_count": "fewer instances than targets, but some",
    "inexact_set": "as many instances as targets, not all matched",
    "exact_set": "every target matched and nothing else; also no target and no instance",
}
"""What the answer to a sample is as a whole; the first category that applies counts."""
EXACT_SETS = "exact sets"
"""Name of the share of samples in the category `exact_set`, where it stands beside metrics."""

MISTAKES: Mapping[str, str] = {
    "malformed_call": "a reply without a readable tool call",
    "unknown_tool": "a reply that names a tool that does not exist or may not be used",
    "wrong_order": "a call of a tool for masks while there are none",
    "bad_parameters": "a call with parameters that the tool does not take",
    "repeated_phrase": "a phrase that was sent to the segmenter before, in the same words but for case and spaces",
    "unreadable_verdict": "a mask check without a readable verdict",
    "cut_off": "a reply that hit its length limit before it was complete; in a single pass also where phrases were "
    "complete",
    "repeating": "a phrase of the same words again and again, where the reply was ended; in a single pass also where "
    "phrases were complete",
    "timed_out": "a request without a reply in time; once for a sample past its time limit, if none of its requests "
    "is one",
    "model_unavailable": "a request that the server refused, broke off or answered with an error, each try",
    "too_long": "a request that does not fit the model's context",
    "segmenter_failed": "a segmenter call that raised an exception",
    "budget_spent": "once for a sample whose rounds were used up",
    "crashed": "once for a sample in which the system raised an exception",
}
"""What can go wrong in a call (`Note.mistake`), also where the sample recovered from it."""

OTHER = "other"
"""The category of names that a plugin has chosen itself."""
_OWN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,39}")


def counted_as(name: str, known: Iterable[str]) -> str:
    """The key under which a name is counted: itself where it is known, else `other: NAME`."""
    return name if name in known else f"{OTHER}: {name}"


def is_own_name(name: object) -> bool:
    """Whether a plugin may use this as a name of its own: at most 40 letters, digits, blanks, `_` and `-`, so that it
    can be part of a column or MLflow metric name.
    """
    return isinstance(name, str) and bool(_OWN_NAME.fullmatch(name))


def title(name: str) -> str:
    """The words that tables, figures and the report show for a key."""
    kind = CALL_KINDS.get(name)
    return kind.title if kind else _TITLES.get(name, name.replace("_", " "))


_TITLES = {"exact_set": "exact"}
