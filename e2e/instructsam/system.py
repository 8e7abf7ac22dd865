"""InstructSAM as a system of the bench."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from e2e.instructsam.protocol import GENERAL, Protocol, protocol_of
from e2e.options import (
    AS_PUBLISHED,
    DETECTOR,
    INSTRUCTION,
    INSTRUCTSAM,
    INSTRUCTSAM_TINY,
    LANGUAGE,
    PUBLISHED,
    QUANTIZED,
    VISION,
    InstructSamOptions,
)
from e2e.single_pass.system import SinglePassSystem
from workbench.data.conditions import Conditions
from workbench.data.errors import ConfigurationError
from workbench.foundations.cards import Card, card, chosen
from workbench.foundations.checkpoints import Found, find
from workbench.foundations.compression import NONE
from workbench.foundations.devices import CPU, Place, place, say
from workbench.foundations.sam3.resizing import LOGITS
from workbench.plugins.options import check_options, identity_of

if TYPE_CHECKING:
    from torch.nn import Module

    from e2e.instructsam.model import InstructSAM
    from e2e.instructsam.predictor import Predictor
    from workbench.data.samples import Sample
    from workbench.plugins.interfaces import Benchmark


PUBLISHED_CARD: Card = {
    "detector": "that of SAM3, tuned by its authors on instructions; its image encoder is frozen",
    "threshold": 0.3,
    "threshold_chosen": "chosen by its authors, who use 0.5 for RoboRefIt",
}


class InstructSamSystem(SinglePassSystem):
    """One checkpoint of InstructSAM."""

    predictor: "Predictor"

    def __init__(self, options: InstructSamOptions) -> None:
        """Load the checkpoint. Raises `ConfigurationError` for a wrong option."""
        check_options("instructsam", options)
        self.options, self.batch_size = options, options.batch_size
        self.place = place(options.device, options.dtype)
        self.found = find(options.checkpoint, options.revision)
        say(f"InstructSAM {self.found.name}", options.device, self.place)
        self.predictor = _load(options, self.found, self.place)
        self.predictor = replace(self.predictor, side_by_side=options.side_by_side)
        if options.max_pixels is not None:
            self.predictor.processor.limit(options.max_pixels)
        _change(self.predictor.model, options.slots, options.slots_causal, options.phrase_conditioning)
        self.weights = _compress(self.predictor.model, options)
        self.protocol: Protocol | None = None
        if options.protocol == AS_PUBLISHED:
            _check_free(options)
            self._ask_by(GENERAL)

    def follow(self, benchmark: "Benchmark") -> None:
        """Ask as its authors do on this benchmark, where the options say so; elsewhere as they do on Inst2Seg. Raises
        `ConfigurationError` for a benchmark that they did not evaluate."""
        if self.options.protocol == AS_PUBLISHED:
            self._ask_by(protocol_of(benchmark.name))

    def _ask_by(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.predictor = replace(self.predictor, prompt=INSTRUCTION, threshold=protocol.threshold)

    def asked(self, sample: "Sample") -> str:
        """The instruction, in the words of the protocol where there is one."""
        return super().asked(sample) if self.protocol is None else self.protocol.prompt(sample)

    def identity(self) -> dict[str, Any]:
        """Checkpoint digest, with the commit of one from the hub; score threshold, length limit, prompt, precision,
        what ablations change, and which slots are kept as candidates: earlier versions kept fewer, and a run must not
        mix them. The device is named where it is not a CPU, what is interpolated where it is not the reference's, and
        the size of images where it is not the checkpoint's; rounded weights and compiled parts where there are any."""
        model = self.predictor.model
        return {
            "system": "instructsam",
            "checkpoint": self.found.name,
            "digest": self.found.digest,
            **identity_of(self.options),
            **({"protocol": self.options.protocol, **self.protocol.identity()} if self.protocol else {}),
            **({} if self.place.kind == CPU else {"device": self.place.kind}),
            **({} if self.options.resize == LOGITS else {"resize": self.options.resize}),
            **({} if self.options.max_pixels is None else {"max_pixels": self.options.max_pixels}),
            **_compressed(self.options),
            "slots": model.slots,
            "slots_causal": model.config.slots_causal,
            "phrase_conditioning": model.config.phrase_conditioning,
            **({} if model.config.query_bank else {"query_bank": False}),
            "candidates": "all slots",
        }

    def conditions(self) -> Conditions:
        """How its masks are made, and what its checkpoint's card says."""
        about = PUBLISHED_CARD if self.options.checkpoint == PUBLISHED else card(self.options.checkpoint)
        threshold = self.predictor.threshold
        by = {"threshold": threshold, "threshold_option": "threshold", "threshold_chosen": chosen(about, threshold)}
        if self.protocol:
            by |= {"threshold_option": None, "threshold_chosen": "that of its authors for this benchmark"}
        return self.stated(about, self.options.resize, device=str(self.place), weights=self.weights, **by)


def _check_free(options: InstructSamOptions) -> None:
    """Refuse a prompt or threshold beside the published protocol, which has its own."""
    for name in ("prompt", "threshold"):
        given = getattr(options, name)
        if given not in (getattr(INSTRUCTSAM, name), getattr(INSTRUCTSAM_TINY, name)):
            raise ConfigurationError(
                f"instructsam: expected no {name} beside protocol={AS_PUBLISHED}, which has its own, got {given!r}"
            )


def _load(options: InstructSamOptions, found: Found, where: Place) -> "Predictor":
    from e2e.instructsam.predictor import Predictor

    return Predictor.from_pretrained(
        found.folder,
        device=where.device,
        dtype=where.dtype,
        threshold=options.threshold,
        max_new_tokens=options.max_new_tokens,
        prompt=options.prompt,
        resize=options.resize,
        image_size=options.image_size,
    )


def _change(model: "InstructSAM", slots: int | None, causal: bool | None, conditioning: bool | None) -> None:
    from e2e.instructsam.config import check_bank
    from e2e.instructsam.model import keep_slots

    if slots is not None:
        keep_slots(model, slots)
    if causal is not None:
        model.config.slots_causal = causal
    if conditioning is not None:
        model.config.phrase_conditioning = conditioning
    check_bank(model.config)


def _compress(model: "InstructSAM", options: InstructSamOptions) -> int:
    """Round weights and compile parts as the options say; returns the bytes of all weights as they are stored."""
    from workbench.foundations.compression import compile_parts, quantize, weight_bytes

    parts = parts_of(model)
    for name in QUANTIZED[: QUANTIZED.index(options.quantize_to) + 1]:
        quantize(parts[name], options.quantize)
    if options.compile:
        compile_parts([*parts[VISION], *parts[DETECTOR]])
    return weight_bytes(model)


def parts_of(model: "InstructSAM") -> dict[str, list["Module"]]:
    """The modules of the language model, of the detector and of both image encoders, under `QUANTIZED`'s names."""
    detector = model.detector
    detecting = [detector.detr_encoder, detector.detr_decoder, detector.mask_decoder, detector.dot_product_scoring]
    seeing = [model.model.visual, detector.vision_encoder]
    return {LANGUAGE: [model.model.language_model], DETECTOR: detecting, VISION: seeing}


def _compressed(options: InstructSamOptions) -> dict[str, Any]:
    """For the identity: what answers otherwise than the checkpoint does, where it is asked for."""
    changed: dict[str, Any] = {} if options.image_size is None else {"image_size": options.image_size}
    if options.quantize != NONE:
        changed["quantized"] = f"{options.quantize}, {options.quantize_to}"
    return {**changed, "compiled": True} if options.compile else changed
