"""The `workbench` command. It only reads options and prints; heavy parts are imported by the command that needs them.

Exit codes: 0 done, 1 `check` found problems or `gate` or `schedule --once` found that something got worse, 2 wrong
configuration (nothing was started), 3 results are complete on disk but the report or the tracking failed, 4 the
comparison of `schedule --once` failed, 130 interrupted.
"""

import sys
from collections.abc import Sequence

from workbench.cli.parser import build_parser
from workbench.data.errors import ConfigurationError
from workbench.plugins.import_names import taken, warning


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = build_parser().parse_args(arguments)
    for name, where in taken().items():
        print(f"workbench: {warning(name, where)}", file=sys.stderr)
    try:
        return int(options.command(options))
    except ConfigurationError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("workbench: interrupted", file=sys.stderr)
        return 130
