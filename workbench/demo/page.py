"""The page in Gradio: a picture, an instruction and two systems; two answers side by side; samples to keep.

Every tab has a `View` of its own. Only asking loads or runs a model; all else is drawn again from what is stored.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from workbench.asking.picture import pixels_of
from workbench.data.errors import ConfigurationError, SampleError, said
from workbench.data.pictures import read_picture
from workbench.demo import slots, words
from workbench.demo.examples import Example
from workbench.demo.parts import QUICK, KeepParts, SideParts, Updates, View
from workbench.demo.session import begun
from workbench.demo.shelf import Shelf
from workbench.demo.side import Side

SHOWN_BY_BROWSERS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
STYLE = Path(__file__).with_name("page.css")


def build(shelf: Shelf, first: str, second: str, examples: Sequence[Example], out: Path) -> Any:
    """The page, as `gradio.Blocks`. `first` and `second`: systems that are chosen at the start; `out`: the folder of
    kept samples."""
    with gr.Blocks(title="Segmentation workbench", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        view = gr.State(None)
        gr.HTML(words.HEADING, elem_id="wb-heading")
        with gr.Row():
            with gr.Column(scale=3, min_width=300):
                picture = gr.Image(
                    label="Picture", sources=["upload", "webcam", "clipboard"], type="filepath", height=320,
                    image_mode=None, buttons=[], elem_id="wb-picture",
                )  # fmt: skip
                # the file as it was uploaded: the bench reads pictures itself, upright and with all their bits
                picture.preprocess = lambda payload: payload.path if payload else None
                gallery = gr.Gallery(
                    [str(one.shown) for one in examples], label="Examples", columns=6, rows=1,
                    height="auto", allow_preview=False, interactive=False, buttons=[], object_fit="cover",
                    elem_id="wb-examples",
                )  # fmt: skip
            with gr.Column(scale=2, min_width=300):
                instruction = gr.Textbox(
                    label="Instruction", placeholder="the two mugs nearest the lamp", lines=2, max_lines=6,
                    submit_btn=False, elem_id="wb-instruction",
                )  # fmt: skip
                with gr.Row():
                    left = gr.Dropdown(shelf.names, value=first, label="Left", min_width=210, elem_id="wb-left")
                    right = gr.Dropdown(shelf.names, value=second, label="Right", min_width=210, elem_id="wb-right")
                button = gr.Button("Ask", variant="primary", elem_id="wb-ask")
                status = gr.HTML(words.EMPTY, elem_id="wb-status")
        notice = gr.HTML("", elem_id="wb-notice")
        with gr.Row(equal_height=False):
            sides = [SideParts(place) for place in (0, 1)]
        keeping = KeepParts(out)
        parts = [*sides[0].parts, *sides[1].parts]

        asking = _asking(shelf, sides, keeping)
        inputs = [picture, instruction, left, right]
        outputs = [view, button, status, notice, *parts, *keeping.parts]
        for asked in (button.click, instruction.submit):
            asked(None, None, [status], js=f"() => {json.dumps(words.ASKED)}")  # at once, without the server
            asked(
                asking, inputs, outputs, concurrency_limit=1, concurrency_id="ask", show_progress="full",
                show_progress_on=[status], api_visibility="private",
            )  # fmt: skip
        picture.upload(_uploaded, [picture], [picture, status], **QUICK)
        gallery.select(_chosen(examples), None, [picture, instruction, status], **QUICK)
        for side in sides:
            side.connect(view, keeping)
        keeping.connect(view)
    return page


def _asking(shelf: Shelf, sides: Sequence[SideParts], keeping: KeepParts) -> Callable[..., Iterator[Updates]]:
    """What the button does: one answer after the other, each shown when it is there."""
    cleared = [*sides[0].cleared(), *sides[1].cleared(), *keeping.cleared()]
    kept_as_is = [gr.skip()] * (1 + len(cleared))
    wait, go = gr.update(interactive=False), gr.update(interactive=True)

    def ask(
        picture: str | None,
        instruction: str,
        left: str,
        right: str,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> Iterator[Updates]:
        wanted = _wanted(picture, instruction)
        if isinstance(wanted, str):
            yield [gr.skip(), go, words.problem(wanted), *kept_as_is]
            return
        yield [None, wait, "", "", *cleared]
        try:
            yield from answers(Path(picture or ""), wanted, instruction.strip(), (left, right), progress)
        except Exception as error:  # the button would stay off
            yield [gr.skip(), go, words.problem(f"Something went wrong: {said(error)}"), *kept_as_is]
            raise

    def answers(path: Path, pixels: Any, instruction: str, names: tuple[str, str], progress: Any) -> Iterator[Updates]:
        def say(line: str) -> None:
            progress((len(found), 2), desc=line)

        found: list[Side] = []
        small: list[dict[int, str]] = []
        for place in (0, 1):
            # one system twice is asked once: its answer may be seen under two thresholds
            again = shelf.again(found[0]) if place and names[0] == names[1] else None
            found.append(again or shelf.ask(names, place, pixels, path.name, instruction, say))
            small.append(slots.pictures(found[place]))
            if place == 0:
                shown = sides[0].begun(found[0], small[0], ready=False)
                yield [gr.skip(), wait, "", "", *shown, *sides[1].cleared(), *keeping.cleared()]
        session = begun(path, instruction, tuple(found))
        shown = [update for n in (0, 1) for update in sides[n].begun(session.sides[n], small[n])]
        notice = words.notice(session)
        yield [View(session, tuple(small)), go, words.DONE, notice, *shown, *keeping.shown(session)]

    return ask


def _wanted(picture: str | None, instruction: str) -> Any:
    """The pixels `[H, W, 3] uint8` of a picture that can be asked about, or what is missing."""
    if not picture:
        return "A picture is missing: upload or take one, or choose an example."
    if not (instruction or "").strip():
        return "An instruction is missing: say what to look for, as “the red mug”."
    try:
        return pixels_of(picture)
    except (ConfigurationError, MemoryError) as error:
        return f"This picture cannot be read: {error}"


def _uploaded(picture: str | None) -> tuple[Any, Any]:
    """A picture that can be read stays; one that browsers do not show is shown as PNG."""
    if not picture:
        return gr.skip(), gr.skip()
    path = Path(picture)
    try:
        read = read_picture(path)
        with Image.open(path) as file:
            kind = file.format
    except (SampleError, OSError, MemoryError) as error:
        return None, words.problem(str(error).replace(str(path), path.name) or said(error))
    remarks = words.quiet([f"The picture: {note}." for note in read.notes])
    if kind in SHOWN_BY_BROWSERS:
        return gr.skip(), remarks
    converted = path.with_name(f"{path.stem}.shown.png")
    Image.fromarray(read.pixels).save(converted)
    return str(converted), remarks


def _chosen(examples: Sequence[Example]) -> Callable[..., tuple[str, str, str]]:
    def choose(event: gr.SelectData) -> tuple[str, str, str]:
        one = examples[event.index]
        return str(one.picture), one.instruction, words.EMPTY

    return choose
