"""A real browser for the report's tests: headless chromium, driven over a pipe by its DevTools protocol."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
DRAWN = """new Promise((done) => {
  const look = () => document.querySelector("#count").textContent
    ? requestAnimationFrame(() => done(performance.now())) : setTimeout(look, 10);
  look();
})"""
"""When the gallery shows its first samples, in milliseconds after navigation began."""


class Browser:
    """One tab; a context manager. `folder` keeps the browser's profile."""

    def __init__(self, folder: Path, width: int = 1280, height: int = 1000) -> None:
        self._folder, self._size = folder, (width, height)
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        reads, self._writing = os.pipe()
        self._reading, writes = os.pipe()
        width, height = self._size
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars"]
        place = [f"--user-data-dir={self._folder}"]
        command = ["bash", "-c", f'exec "$0" "$@" 3<&{reads} 4>&{writes}', str(CHROMIUM), *options, *place]
        self._process = subprocess.Popen(command, pass_fds=(reads, writes), stderr=subprocess.DEVNULL)
        os.close(reads)
        os.close(writes)
        self._input = os.fdopen(self._reading, "rb")
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.resize(width, height)
        self.call("Performance.enable", timeDomain="threadTicks")
        return self

    def resize(self, width: int, height: int = 1000) -> None:
        """Give the tab another size: below 600 pixels it is that of a phone."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **screen)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._input.close()
        os.close(self._writing)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of one command; events that arrive before it are kept in `events`."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._next())
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)

    def _next(self) -> bytes:
        found = bytearray()
        while (byte := self._input.read(1)) != b"\0":
            assert byte, "the browser is gone"
            found += byte
        return bytes(found)

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression, or of its promise."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def open(self, page: Path, at: str = "") -> float:
        """Show a report, or a place in it; returns the milliseconds from navigation to the first samples on the
        screen."""
        self.show(page, at)
        return float(self.run(DRAWN))

    def show(self, page: Path, at: str = "") -> None:
        """Go to any page and wait until its document is there."""
        self.events.clear()
        # with a query of its own, another place of the same page is loaded anew
        self.call("Page.navigate", url=f"{page.resolve().as_uri()}?{self._number}{at}")
        while not any(event.get("method") == "Page.domContentEventFired" for event in self.events):
            self.events.append(json.loads(self._next()))

    @property
    def processor_seconds(self) -> float:
        """What the page took on its main thread since it was opened, without waiting for a busy machine."""
        metrics = {one["name"]: one["value"] for one in self.call("Performance.getMetrics")["metrics"]}
        return float(metrics["TaskDuration"])

    @property
    def problems(self) -> list[str]:
        """Dialogs, exceptions and errors that the page caused."""
        kinds = ("Page.javascriptDialogOpening", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(event["params"]) for event in self.events if event.get("method") in kinds]

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def pdf(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"]))
