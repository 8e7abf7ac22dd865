"""`workbench notebooks`: a copy of the notebooks, also where the workbench was installed from a wheel."""

import argparse
import shlex
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from workbench.data.errors import ConfigurationError
from workbench.data.numbers import listed

DISTRIBUTION = "segmentation-workbench"
SHARED = Path("share", DISTRIBUTION, "notebooks")
"""Where a wheel puts them below the environment; `pyproject.toml` says so, too."""


def copy_notebooks(options: argparse.Namespace) -> int:
    from workbench.runs.files import check_writable

    notebooks = shipped()
    folder: Path = options.folder
    there = [one for one in notebooks if (folder / one.name).exists()]
    changed = [one.name for one in there if (folder / one.name).read_bytes() != one.read_bytes()]
    if changed:
        raise ConfigurationError(
            f"{folder} has {listed(changed)} with other contents, which would be lost: move it away, or give another "
            "folder"
        )
    check_writable(folder)
    for one in notebooks:
        if one not in there:
            (folder / one.name).write_bytes(one.read_bytes())
        print(folder / one.name)
    print(f"open them with `jupyter lab {shlex.quote(str(folder))}`; pip install '{DISTRIBUTION}[notebooks]' has it")
    return 0


def shipped() -> list[Path]:
    """The notebooks that belong to this code: those of its checkout, else those that were installed with it."""
    home = Path(__file__).resolve().parents[2]
    places = [home / "notebooks"] if (home / "pyproject.toml").exists() else [*_recorded(), home / SHARED]
    for place in places:
        if found := sorted(place.glob("*.ipynb")):
            return found
    raise ConfigurationError(
        f"the notebooks are in none of {', '.join(map(str, places))}: expected them in a checkout, or where a "
        f"wheel was installed; install {DISTRIBUTION} again"
    )


def _recorded() -> list[Path]:
    """The folders in which the installer noted notebooks; with `pip install --target` it notes another one."""
    try:
        installed = files(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    return list(dict.fromkeys(Path(str(one.locate())).parent.resolve() for one in installed if one.suffix == ".ipynb"))
