"""The page in a real browser, from an uploaded picture to a comparison on what was kept."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Install
from tests.reports.browser import needs_chromium
from tests.workbench.asking.asked import saved
from tests.workbench.demo.tab import NEAR, Tab
from tests.workbench.demo.toys import SYSTEMS, asked
from workbench.cli.main import main

pytest.importorskip("gradio")


@pytest.fixture
def left_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hosts beyond this computer that this process tried to reach; it does not reach them."""
    tried: list[str] = []
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def connecting(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in NEAR:
            tried.append(str(address[0]))
            raise OSError("nothing may be reached")
        connect(self, address)

    def resolving(host: Any, *given: Any, **named: Any) -> Any:
        if host not in (*NEAR, None):
            tried.append(str(host))
            raise socket.gaierror("nothing may be reached")
        return resolve(host, *given, **named)

    monkeypatch.setattr(socket.socket, "connect", connecting)
    monkeypatch.setattr(socket, "getaddrinfo", resolving)
    return tried


@pytest.fixture
def page(tmp_path: Path, install: Install, left_for: list[str]) -> Iterator[str]:
    from workbench.demo.serving import serving

    install("toys", {"systems": SYSTEMS})
    systems = {"instructsam-tiny": "instructsam-tiny", "agent": "agent"}
    with serving(systems, {}, tmp_path / "own", "127.0.0.1", 0) as address:
        yield address
    assert left_for == []


@needs_chromium
def test_a_picture_is_asked_about_a_threshold_moved_and_a_sample_kept_to_compare_on(page: str, tmp_path: Path) -> None:
    asked.clear()
    with Tab(tmp_path / "profile") as tab:
        tab.visit(page)
        tab.click("#wb-ask")
        tab.shows("#wb-status", "A picture is missing")
        tab.upload("#wb-picture input[type=file]", str(saved(tmp_path)))
        tab.until("return document.querySelector('#wb-picture img')")
        tab.write("#wb-instruction textarea", "the red box")
        tab.click("#wb-ask")
        tab.shows("#wb-keep-button")
        assert "2 instances in" in tab.shows("#wb-head-right", "2 shown") and asked == ["the red box"]
        notices = tab.shows("#wb-notice", "generated tabletop scenes only").split("What ")[1:]
        assert [line.split()[0] for line in notices] == ["instructsam-tiny", "agent"]
        tab.click("#wb-steps-right button")
        assert "it wrote\n\n<b>red box</b>" in tab.shows("#wb-steps-right", "it was shown")
        tab.click("#wb-slots-left button")
        tab.until("return document.querySelectorAll('#wb-slots-left figure').length === 16")

        tab.click("#wb-take-right")
        tab.shows("#wb-keep-button", "with 2 masks")
        tab.write("#wb-threshold-right input[type=number]", "0.1")
        tab.shows("#wb-head-right", "3 shown")
        tab.shows("#wb-keep-button", "with 3 masks")
        tab.click("#wb-on-right input")
        tab.shows("#wb-head-right", "2 shown")
        tab.click("#wb-added-right input")
        tab.shows("#wb-head-right", "3 shown")
        assert asked == ["the red box"], "it was not asked again"
        tab.click("#wb-keep-button")
        assert "benchmark inst2seg" in tab.shows("#wb-result", "now 1 sample about 1 picture")

        tab.size(390, 844)
        assert tab.too_wide == 0
        tab.visit(page)
        tab.shows("#wb-status", "Choose a picture or an example")  # a tab of its own begins anew
        tab.click("#wb-examples button")
        tab.until("return document.querySelector('#wb-instruction textarea').value")
        tab.click("#wb-ask")
        tab.shows("#wb-keep-button")
        tab.click("#wb-steps-left button")
        tab.click("#wb-take-right")
        tab.shows("#wb-keep-button", "with 2 masks")
        tab.click("#wb-take-none")
        tab.shows("#wb-keep-button", "nothing fits")  # else the next click meets the button while it changes
        tab.click("#wb-keep-button")
        tab.shows("#wb-result", "now 2 samples about 2 pictures")
        assert tab.too_wide == 0 and tab.outside == [] and tab.problems == []

    own = tmp_path / "own"
    command = ["compare", "--systems", "agent", "--benchmark", "inst2seg", "--out", str(tmp_path / "run")]
    files = ["--set", f"inst2seg.annotations={own / 'annotations.json'}", "--set", f"inst2seg.images={own}"]
    assert main([*command, *files, "--tracking-uri", "none"]) == 0
    scores = json.loads((tmp_path / "run" / "results.json").read_text())["systems"]["agent"]
    assert scores["samples"] == 2 and scores["unscored"] == 0


def test_a_picture_is_taken_as_it_is_or_refused_with_the_reason(tmp_path: Path) -> None:
    from workbench.demo.page import _uploaded, _wanted

    deep, text = tmp_path / "deep.tif", tmp_path / "text.png"
    Image.fromarray(np.full((6, 8), 40000, np.uint16)).save(deep)
    text.write_text("no picture")
    shown, remark = _uploaded(str(deep))
    assert shown.endswith(".png") and "scaled from 0..65535" in remark and Path(shown).exists()
    given, refused = _uploaded(str(text))
    assert given is None and "expected JPEG" in refused and str(tmp_path) not in refused
    assert _wanted(str(deep), "x").shape == (6, 8, 3)
    assert _wanted(str(deep), " ").startswith("An instruction is missing")
    assert "cannot be read" in _wanted(str(text), "x")
