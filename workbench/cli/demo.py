"""`workbench demo`: a local page on which two systems answer side by side."""

import argparse
from pathlib import Path

from workbench.cli.commands import system_names
from workbench.plugins.assignments import settings_by_name


def serve_demo(options: argparse.Namespace) -> int:
    from workbench.demo.serving import serve

    systems = system_names(options.systems)
    settings = settings_by_name(options.set, list(systems))
    serve(systems, settings, options.out, options.host, options.port, options.open)
    return 0


def add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", default: str) -> None:
    """Add the command; `default`: the systems that are asked without `--systems`."""
    demo = commands.add_parser("demo", help="a local page: ask two systems about pictures, and keep samples")
    demo.description = (
        "Serve a page on this computer, on which two systems answer side by side about pictures that are uploaded, "
        "taken or chosen, and on which samples are kept for a benchmark of one's own. Needs the extra `demo`: pip "
        "install 'segmentation-workbench[demo]'. Stop it with Ctrl+C."
    )
    demo.add_argument(
        "--systems",
        default=default,
        help="the two that are chosen at the start, and more to choose from; every other installed system can be "
        "chosen too; NAME=SYSTEM gives one another name (%(default)s)",
    )
    demo.add_argument("--set", action="append", default=[], metavar="NAME.OPTION=VALUE", help="an option of a system")
    demo.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder of kept samples (%(default)s)")
    demo.add_argument("--port", type=int, default=7860, help="0 for any that is free (%(default)s)")
    demo.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets others in the network in (%(default)s)")
    demo.add_argument("--open", action="store_true", help="open the page in the browser")
    demo.set_defaults(command=serve_demo)
