"""The `workbench` command. It only reads options and prints; heavy parts are imported by the command that needs them.

Exit codes: 0 done; 1 `check` found problems, or `gate` or `schedule --once` found that something got worse; 2 wrong
configuration (nothing was started); 3 the results are complete on disk, but the report or the tracking failed; 4 the
comparison of `schedule --once` failed; 5 the disk or a server failed before all predictions were there (what is there
is kept, and the same command continues from it); 130 interrupted.
"""

import sys
from collections.abc import Sequence

from workbench.cli.parser import parse
from workbench.data.errors import ConfigurationError, StoppedError, disk_fault
from workbench.data.plain import plain_output
from workbench.data.secrets import hide
from workbench.plugins.import_names import taken, warning

INCOMPLETE, STOPPED = 3, 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. If a reader of the output leaves early (`| head`), the command still
    finishes its work.
    """
    with plain_output() as output:
        code = _run(arguments)
        output.flush()
        if output.failure:
            print(f"workbench: the output could not be written: {output.failure}", file=sys.stderr)
        return code or (STOPPED if output.failure else 0)


def _run(arguments: Sequence[str] | None) -> int:
    options = parse(arguments)
    for name, where in taken().items():
        print(f"workbench: {warning(name, where)}", file=sys.stderr)
    try:
        return int(options.command(options))
    except ConfigurationError as error:
        print(f"workbench: {hide(str(error))}", file=sys.stderr)
        return 2
    except StoppedError as error:
        print(f"workbench: {hide(str(error))}", file=sys.stderr)
        return INCOMPLETE if error.complete else STOPPED
    except OSError as error:
        reason = disk_fault(error)
        if reason is None:
            raise
        print(f"workbench: {reason}; what was written before is kept", file=sys.stderr)
        return STOPPED
    except KeyboardInterrupt:
        print("workbench: interrupted", file=sys.stderr)
        return 130
