"""The parts of the page: an answer with its controls, and what it takes to keep a sample.

Their functions take the `View` of a tab and return the updates of Gradio's components, in the order of `parts`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from workbench.data.errors import ConfigurationError
from workbench.demo import slots, words
from workbench.demo.drawing import drawn, to_be_kept
from workbench.demo.keeping import keep
from workbench.demo.session import SAME, Key, Session
from workbench.demo.side import Side
from workbench.demo.timeline import timeline

Updates = list[Any]
QUICK: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": 8}
"""Of events that only draw again: not in the queue of those who ask."""


@dataclass(frozen=True)
class View:
    """What a tab shows: its session, and the small pictures of each side's masks."""

    session: Session
    small: tuple[dict[int, str], ...]


class SideParts:
    """The components of an answer."""

    def __init__(self, place: int) -> None:
        self.place = place
        name = "left" if place == 0 else "right"
        with gr.Column(min_width=320, elem_id=f"wb-answer-{name}"):
            self.head = gr.HTML("", visible=False, elem_id=f"wb-head-{name}")
            self.picture = gr.Image(
                visible=False, show_label=False, interactive=False, buttons=["fullscreen", "download"],
                format="png", elem_classes="wb-drawn",
            )  # fmt: skip
            self.threshold = gr.Slider(
                0, 1, 0, step=0.01, label="Score threshold", visible=False, elem_id=f"wb-threshold-{name}",
                buttons=[],
            )  # fmt: skip
            self.instances = gr.CheckboxGroup(
                label="Instances: number · score · share of the picture", visible=False, elem_id=f"wb-on-{name}"
            )
            self.dropped = gr.CheckboxGroup(
                label="Masks that it dropped, to add", visible=False, elem_id=f"wb-added-{name}"
            )
            with gr.Accordion("Steps", open=False, visible=False, elem_id=f"wb-steps-{name}") as self.steps:
                self.timeline = gr.HTML("")
            with gr.Accordion("Masks", open=False, visible=False, elem_id=f"wb-slots-{name}") as self.slots:
                self.grid = gr.HTML("")
        self.moving = [self.head, self.picture, self.instances, self.dropped, self.grid]
        """What changes with threshold and switches."""
        self.parts = [*self.moving, self.threshold, self.steps, self.timeline, self.slots]

    def cleared(self) -> Updates:
        return [gr.update(visible=False)] * len(self.parts)

    def begun(self, side: Side, small: dict[int, str], ready: bool = True) -> Updates:
        """A new answer; it can be changed once all answers are `ready`."""
        ok = side.answer.ok
        title = "Slots: every mask of its pass" if slots.is_single_pass(side.answer) else "Masks: all that it saw"
        return [
            *self.moved(side, small, ready),
            gr.update(
                visible=ok, value=round(max(0.0, side.threshold), 2), info=words.threshold_note(side), interactive=ready
            ),
            gr.update(visible=bool(side.answer.calls), label=f"Steps: {len(side.answer.calls)}"),
            gr.update(visible=True, value=timeline(side.answer)),
            gr.update(visible=bool(side.masks), label=title),
        ]

    def moved(self, side: Side, small: dict[int, str], ready: bool = True) -> Updates:
        """An answer after its threshold was moved, or a mask switched."""
        above, off = side.above, side.off
        return [
            gr.update(visible=True, value=words.head(side)),
            gr.update(visible=True, value=drawn(side)),
            gr.update(
                visible=bool(above), choices=[(one.label, one.number) for one in above],
                value=[one.number for one in above if one.number not in off], interactive=ready,
            ),
            gr.update(
                visible=bool(side.addable), choices=[(one.label, one.number) for one in side.addable],
                value=[one.number for one in side.addable if one.number in side.added], interactive=ready,
            ),
            gr.update(visible=True, value=slots.grid(side, small)),
        ]  # fmt: skip

    def connect(self, view: Any, keeping: "KeepParts") -> None:
        changes: list[tuple[Any, Callable[[Side, Any], Side]]] = [
            (self.threshold.input, lambda side, value: side.at(float(value))),
            (self.instances.input, lambda side, value: side.switched(frozenset(value))),
            (self.dropped.input, lambda side, value: side.adding(frozenset(value))),
        ]
        controls = (self.threshold, self.instances, self.dropped)
        for (event, change), control in zip(changes, controls, strict=True):
            event(
                self._changing(change, keeping), [view, control], [view, *self.moving, *keeping.parts],
                trigger_mode="always_last", **QUICK,
            )  # fmt: skip

    def _changing(self, change: Callable[[Side, Any], Side], keeping: "KeepParts") -> Callable[..., Updates]:
        def changed(now: View | None, value: Any) -> Updates:
            if now is None:
                return [gr.skip()] * (1 + len(self.moving) + len(keeping.parts))
            session = now.session.with_side(self.place, change(now.session.sides[self.place], value))
            side = session.sides[self.place]
            return [View(session, now.small), *self.moved(side, now.small[self.place]), *keeping.shown(session)]

        return changed


class KeepParts:
    """The components with which a sample is kept."""

    def __init__(self, out: Path) -> None:
        self.out = out
        with gr.Column(visible=False, elem_id="wb-keep") as self.box:
            gr.HTML("<h3>Keep as sample</h3><p>What is the right answer? Take the masks of a side, and add or remove "
                    "single ones; no mask at all says that nothing fits.</p>", padding=True)  # fmt: skip
            with gr.Row(equal_height=False):
                with gr.Column(min_width=300):
                    self.picture = gr.Image(
                        show_label=False, interactive=False, buttons=["fullscreen"], format="png",
                        elem_classes="wb-drawn",
                    )  # fmt: skip
                with gr.Column(min_width=300):
                    with gr.Row():
                        self.bases = [
                            gr.Button(label, size="sm", min_width=80, elem_id=f"wb-take-{name}")
                            for name, label in (("left", "Take left"), ("right", "Take right"), ("none", "Take none"))
                        ]
                    self.masks = gr.CheckboxGroup(label="Masks to keep", elem_id="wb-kept")
                    self.note = gr.HTML("", visible=False)
                    self.button = gr.Button("Keep as sample", variant="primary", elem_id="wb-keep-button")
                    self.result = gr.HTML("", elem_id="wb-result")
        self.parts = [self.box, self.picture, self.masks, self.note, self.button, self.result]

    def cleared(self) -> Updates:
        return [gr.update(visible=False), *[gr.skip()] * (len(self.parts) - 1)]

    def shown(self, session: Session) -> Updates:
        """What would be kept."""
        choices = [(f"{session.called(key)} · {session.mask(key).score:.2f}", _text(key)) for key in session.available]
        return [
            gr.update(visible=any(side.answer.ok for side in session.sides)),
            gr.update(value=to_be_kept(session)),
            gr.update(choices=choices, value=[_text(key) for key in session.kept], visible=bool(choices)),
            gr.update(value=words.keep_note(session), visible=bool(session.alike())),
            gr.update(value=words.keep_button(session)),
            gr.update(value=""),
        ]

    def connect(self, view: Any) -> None:
        def choosing(now: View | None, keys: list[str]) -> Updates:
            return self._changed(now, lambda session: session.choosing(map(_key, keys)))

        def accepting(base: int | None) -> Callable[..., Updates]:
            return lambda now: self._changed(now, lambda session: session.accepting(base))

        self.masks.input(choosing, [view, self.masks], [view, *self.parts], trigger_mode="always_last", **QUICK)
        for base, button in zip((0, 1, None), self.bases, strict=True):
            button.click(accepting(base), [view], [view, *self.parts], **QUICK)
        self.button.click(self._keep, [view], [self.result], **QUICK)

    def _changed(self, now: View | None, change: Callable[[Session], Session]) -> Updates:
        if now is None:
            return [gr.skip()] * (1 + len(self.parts))
        session = change(now.session)
        return [View(session, now.small), *self.shown(session)]

    def _keep(self, now: View | None) -> str:
        if now is None:
            return ""
        session = now.session
        if session.alike(SAME):
            return words.problem("Not kept: some masks are the same. Remove all but one of them.")
        masks = [session.mask(key).rle for key in session.kept]
        systems = [side.answer.system for side in session.sides]
        try:
            result = keep(
                self.out, session.picture, session.instruction, masks, [systems[place] for place, _ in session.kept]
            )
        except (ConfigurationError, OSError) as error:
            return words.problem(f"Not kept: {error}")
        return words.kept(result, list(dict.fromkeys(systems)))


def _text(key: Key) -> str:
    return f"{key[0]}:{key[1]}"


def _key(text: str) -> Key:
    place, number = text.split(":")
    return int(place), int(number)
