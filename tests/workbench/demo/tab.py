"""A tab of a real browser for the page's tests: it waits for conditions, and knows every address that was asked for."""

import json
from typing import Any, Self
from urllib.parse import urlsplit

from tests.reports.browser import Browser

NEAR = ("127.0.0.1", "localhost", "::1")
_UNTIL = """new Promise((done, failed) => {
  const end = performance.now() + %d;
  const look = () => {
    const found = (() => { %s })();
    if (found) done(found);
    else if (performance.now() > end) failed(new Error("waited in vain; the page says: " + document.body.innerText));
    else setTimeout(look, 40);
  };
  look();
})"""


class Tab(Browser):
    """A browser that goes to an address of this computer."""

    def __enter__(self) -> Self:
        super().__enter__()
        self.call("Network.enable")
        self.call("DOM.enable")
        return self

    def visit(self, address: str) -> None:
        """Go there, and wait until the document is there."""
        self.call("Page.navigate", url=address)
        while not any(event.get("method") == "Page.domContentEventFired" for event in self.events):
            self.events.append(json.loads(self._next()))

    def until(self, script: str, seconds: float = 120) -> Any:
        """Wait until a script returns something that is true, and return it."""
        return self.run(_UNTIL % (1000 * seconds, script))

    def shows(self, selector: str, text: str = "") -> str:
        """Wait until an element is on the page and holds a text; returns all of its text."""
        found = f"const one = document.querySelector({json.dumps(selector)});"
        seen = f"return one && one.offsetParent !== null && one.innerText.includes({json.dumps(text)}) && one.innerText"
        return str(self.until(f"{found} {seen} + ' '"))

    def click(self, selector: str) -> None:
        """Click an element once it is there and can be clicked."""
        found = f"const one = document.querySelector({json.dumps(selector)});"
        self.until(f"{found} if (!one || one.disabled) return false; one.click(); return true;")

    def write(self, selector: str, text: str) -> None:
        """Put a text or number into a field, as someone who types."""
        self.until(
            f"const one = document.querySelector({json.dumps(selector)}); if (!one || one.disabled) return false;"
            "const kind = one.tagName === 'TEXTAREA' ? HTMLTextAreaElement : HTMLInputElement;"
            f"Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(one, {json.dumps(text)});"
            "one.dispatchEvent(new Event('input', {bubbles: true}));"
            "one.dispatchEvent(new Event('change', {bubbles: true}));"
            "one.dispatchEvent(new PointerEvent('pointerup', {bubbles: true})); return true;"
        )

    def upload(self, selector: str, *files: str) -> None:
        """Choose files for a file input."""
        self.until(f"return document.querySelector({json.dumps(selector)})")
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=list(files), nodeId=node)

    @property
    def outside(self) -> list[str]:
        """Addresses beyond this computer that the page asked for, whether they answered or not."""
        asked = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        asked += [e["params"]["url"] for e in self.events if e.get("method") == "Network.webSocketCreated"]
        return [a for a in asked if urlsplit(a).scheme not in ("data", "blob") and urlsplit(a).hostname not in NEAR]

    @property
    def too_wide(self) -> int:
        """Pixels that the page can be scrolled sideways."""
        return int(self.run("document.documentElement.scrollWidth - window.innerWidth"))

    def size(self, width: int, height: int) -> None:
        """Make the screen another size."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **screen)
