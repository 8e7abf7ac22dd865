"""What the page says; whatever a system or user writes is text, not HTML."""

from dataclasses import replace
from pathlib import Path

from tests.workbench.asking.asked import answered
from tests.workbench.demo.test_session import session
from workbench.cli.parser import parse
from workbench.data.predictions import Prediction
from workbench.demo import words
from workbench.demo.keeping import Kept
from workbench.demo.session import begun
from workbench.demo.side import side_of


def test_a_head_says_what_came_out_and_escapes_it() -> None:
    said = words.head(replace(side_of(answered("<i>toy</i>")), first=True))
    assert "2 instances in 50 ms, 0 calls; 2 shown" in said and "“red box”" in said and "later ones are faster" in said
    assert "<i>" not in said
    failed = answered().__class__("toy", "x", "p", answered().pixels, Prediction("s", outcome="crashed", message="<b>"))
    assert "failed (crashed), 0 calls: &lt;b&gt;" in words.head(side_of(failed))


def test_systems_that_know_the_same_say_it_once() -> None:
    sides = tuple(side_of(answered(name, knows="boxes only")) for name in ("a", "b"))
    said = words.notice(begun(Path("p"), "x", sides))
    assert said.count("wb-notice") == 1 and "What a and b know: boxes only. Answers about other pictures" in said
    assert words.notice(session()) == ""


def test_the_button_says_what_would_be_kept() -> None:
    one = session()
    assert words.keep_button(one) == "Keep as sample with 2 masks"
    assert words.keep_button(one.accepting(None)) == "Keep as sample: nothing fits"
    assert "left 1 and right 1 overlap by 100%: they are the same" in words.keep_note(one.choosing([(0, 1), (1, 1)]))


def test_the_command_for_kept_samples_is_one(tmp_path: Path) -> None:
    file = tmp_path / "my own" / "annotations.json"
    assert "now 1 sample about 1 picture in" in words.kept(Kept(file, 1, 1, False), ["a"])
    command = words.compare_command(file, ["a", "b"])
    import shlex

    options = parse(shlex.split(command)[1:])
    assert options.systems == "a,b" and f"inst2seg.annotations={file}" in options.set


def test_a_threshold_says_from_where_it_is_known() -> None:
    side = session().sides[0]
    assert words.threshold_note(side) == "Shows what scores above it, also masks that the system left out."
    assert words.threshold_note(replace(side, known_from=0.3)).endswith("Nothing below 0.30 was stored.")
