"""What the controls of the page do, without a browser."""

from pathlib import Path

import pytest

from tests.workbench.demo.test_session import session
from workbench.benchmarks.inst2seg import read

gr = pytest.importorskip("gradio")


def test_what_belongs_to_a_tab_alone_is_changed_and_kept(tmp_path: Path) -> None:
    from tests.workbench.asking.asked import saved
    from workbench.demo.parts import KeepParts, SideParts, View

    with gr.Blocks(analytics_enabled=False):
        sides, keeping = [SideParts(0), SideParts(1)], KeepParts(tmp_path / "own")
    one = session()
    view = View(type(one)(saved(tmp_path), one.instruction, one.sides, one.base, one.chosen), ({}, {}))
    lower = sides[0]._changing(lambda side, value: side.at(value), keeping)
    changed, *updates = lower(view, 0.2)
    assert len(updates) == len(sides[0].moving) + len(keeping.parts)
    assert [len(v.session.sides[0].shown) for v in (view, changed)] == [2, 3], "the view that there was is not changed"
    assert changed.session.kept == [(0, 1), (0, 2), (0, 4)]
    apart = View(changed.session.choosing([(0, 1), (0, 4)]), ({}, {}))
    assert "now 1 sample" in keeping._keep(apart)
    assert len(next(read(tmp_path / "own" / "annotations.json", tmp_path / "own")).targets) == 2
    twice = View(changed.session.choosing([(0, 1), (1, 1)]), ({}, {}))
    assert "Not kept: some masks are the same" in keeping._keep(twice)
    assert len(lower(None, 0.2)) == 1 + len(updates) and keeping._keep(None) == "", "before anything was asked"
    (tmp_path / "own" / "annotations.json").write_text("{}")
    assert "Not kept: " in keeping._keep(apart) and (tmp_path / "own" / "annotations.json").read_text() == "{}"
