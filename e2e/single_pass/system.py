"""The part of a single-pass system that is the same for all: how it answers a batch of samples."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.data.conditions import Conditions
from workbench.data.predictions import OK, Call, Candidate, Instance, Prediction, Trace
from workbench.foundations.cards import Card
from workbench.foundations.sam3.resizing import RESIZINGS

if TYPE_CHECKING:
    from e2e.single_pass.predictor import Answer, SinglePass
    from workbench.data.samples import Sample
    from workbench.plugins.interfaces import Image


class SinglePassSystem:
    """One loaded checkpoint that answers instructions; samples of one image share its features in a batch."""

    oracles = ("scores", "deduplication", "presence")
    depends_on_batch = True
    """Sums of another order change scores in their seventh digit; masks were equal in all batches that were tried."""
    predictor: "SinglePass[Any]"

    def predict(self, samples: Sequence["Sample"], images: Sequence["Image"]) -> list[Prediction]:
        """One prediction per sample, in order."""
        groups: dict[str, list[int]] = {}
        for index, sample in enumerate(samples):
            groups.setdefault(sample.image_id, []).append(index)
        trace = Trace()
        answers = self.predictor.segment_instructions(
            [images[group[0]] for group in groups.values()],
            [[self.asked(samples[index]) for index in group] for group in groups.values()],
            trace,
        )
        predictions: dict[int, Prediction] = {}
        for group, group_answers in zip(groups.values(), answers, strict=True):
            for index, answer in zip(group, group_answers, strict=True):
                predictions[index] = _prediction(
                    samples[index].sample_id, answer, trace.calls, len(samples), self.outcome(answer)
                )
        return [predictions[index] for index in range(len(samples))]

    def asked(self, sample: "Sample") -> str:
        """What the model is asked, put into its prompt: the instruction."""
        return sample.instruction

    def stated(self, about: Card, resize: str, **more: Any) -> Conditions:
        """The conditions of a single pass whose checkpoint has this card, and what is known beside it."""
        return Conditions(
            resizing=RESIZINGS[resize],
            detector=about.get("detector"),
            training=about.get("training"),
            knows=about.get("knows"),
            benchmarks=about.get("benchmarks"),
            timed="image features, language model, detector, masks at image size",
            not_timed="loading, a first answer",
            **more,
        )

    def outcome(self, answer: "Answer") -> tuple[str, str]:
        """How an answer ended: a key of `OUTCOMES` and a message."""
        if answer.too_long:
            return "too_long", f"the prompt has {answer.prompt_tokens} tokens, which leaves no room for an answer"
        if answer.repeating and not answer.phrases:
            return "repeating", f"the same words again and again: {answer.text[:200]}"
        if answer.cut_off and not answer.phrases:
            return "cut_off", f"no phrase within {answer.answer_tokens} tokens: {answer.text[:200]}"
        return OK, ""


def _mistake(answer: "Answer") -> str | None:
    """What went wrong while it was written; a key of `MISTAKES`."""
    return "repeating" if answer.repeating else "cut_off" if answer.cut_off else None


def _prediction(
    sample_id: str, answer: "Answer", calls: Sequence[Call], batch: int, ending: tuple[str, str]
) -> Prediction:
    own = [replace(call, note=replace(call.note, batch=batch if batch > 1 else None)) for call in calls]
    for call in own:
        if call.kind == "llm":
            call.tokens_in, call.tokens_out = answer.prompt_tokens, answer.answer_tokens
            call.note.reply, call.note.mistake = answer.text, _mistake(answer)
    outcome, message = ending
    return Prediction(
        sample_id,
        instances=tuple(Instance(slot.mask, slot.score) for slot in answer.instances),
        outcome=outcome,
        message=message,
        calls=tuple(own),
        candidates=tuple(
            Candidate(slot.mask, slot.score, "low_score", answer.phrases[slot.phrase]) for slot in answer.below
        ),
        phrases=answer.phrases,
    )
