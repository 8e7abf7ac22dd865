"""Serves the page on a port of this computer, without any request to the outside."""

import os
import socket
import sys
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from workbench.asking.defaults import DEFAULT
from workbench.data.errors import ConfigurationError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SESSIONS = 40
"""Tabs whose pictures and answers are kept in memory."""
FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")
MONO = ("ui-monospace", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")


def check() -> None:
    """Raise `ConfigurationError` where the package that makes the page is not installed."""
    if find_spec("gradio") is None:
        raise ConfigurationError("the page needs Gradio: pip install 'segmentation-workbench[demo]'")


def free_port(host: str, port: int) -> int:
    """The port, or any that is free for 0; raises `ConfigurationError` where it cannot be used."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
            return int(tried.getsockname()[1])
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"the page cannot be served on {host}:{port}: {getattr(error, 'strerror', None) or error}; give another "
            "--port or --host"
        ) from error


@contextmanager
def serving(
    systems: Mapping[str, str], settings: Mapping[str, Mapping[str, Any]], out: Path, host: str, port: int
) -> Iterator[str]:
    """Serve the page while the block runs; gives its address. `systems`: names and plugins, of which the first two are
    chosen at the start; `settings`: their options by name; `out`: the folder of kept samples.

    Raises `ConfigurationError` for a system, option, folder or port that does not fit, and without Gradio.
    """
    check()
    from workbench.demo.keeping import ANNOTATIONS, count
    from workbench.demo.shelf import Shelf
    from workbench.runs.files import check_writable

    shelf = Shelf(systems, settings)
    check_writable(out)
    port = free_port(host, port)
    if samples := count(out):
        print(f"workbench: {out / ANNOTATIONS} has {samples} samples; new ones are added", file=sys.stderr)
    offline = set(systems.values()) <= set(DEFAULT)
    with TemporaryDirectory(prefix="workbench-demo-") as temporary, _at_home(Path(temporary), offline):
        page = _page(shelf, list(systems), out, Path(temporary))
        try:
            yield _launched(page, host, port)
        finally:
            page.close(verbose=False)
            shelf.close()


def serve(
    systems: Mapping[str, str],
    settings: Mapping[str, Mapping[str, Any]],
    out: Path,
    host: str,
    port: int,
    opening: bool,
) -> None:
    """Serve the page until the user interrupts; see `serving`."""
    import threading

    with serving(systems, settings, out, host, port) as address:
        if host not in LOOPBACK:
            print(f"workbench: everyone who reaches {host} can use the page, without a password", file=sys.stderr)
        print(f"workbench demo: {address} (stop with Ctrl+C); samples are kept in {out}", flush=True)
        if opening:
            webbrowser.open(address)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("workbench: stopped", file=sys.stderr)


def _page(shelf: Any, names: list[str], out: Path, temporary: Path) -> Any:
    from workbench.demo.examples import examples
    from workbench.demo.page import build

    return build(shelf, names[0], names[min(1, len(names) - 1)], examples(temporary / "examples", out), out)


def _launched(page: Any, host: str, port: int) -> str:
    import gradio as gr

    from workbench.demo.page import STYLE

    theme = gr.themes.Default(font=FONTS, font_mono=MONO, primary_hue="blue", radius_size="sm")
    theme.set(
        body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600", block_info_text_color_dark="*neutral_300",
    )  # fmt: skip
    _, address, _ = page.queue().launch(
        server_name=host, server_port=port, share=False, quiet=True, prevent_thread_lock=True, show_error=False,
        inbrowser=False, footer_links=[], run_history=False, ssr_mode=False, mcp_server=False, pwa=False,
        enable_monitoring=False, state_session_capacity=SESSIONS, theme=theme, css=STYLE.read_text(encoding="utf-8"),
    )  # fmt: skip
    return str(address)


@contextmanager
def _at_home(temporary: Path, offline: bool) -> Iterator[None]:
    """Settings that Gradio and the client of the model hub read from the environment when they are imported: no
    telemetry, files in a folder that goes with the page, and no proxy between it and itself. `offline`: checkpoints
    are not downloaded; who starts the page with the systems that come with theirs wants no gigabytes for a choice in a
    list."""
    here = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), *LOOPBACK)))
    wanted = {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(temporary / "files"),
        "GRADIO_SHARE": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **({"HF_HUB_OFFLINE": "1"} if offline else {}),
        "NO_PROXY": here,
        "no_proxy": here,
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
