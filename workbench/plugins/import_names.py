"""Checks that Python finds this distribution's packages under their import names.

`agents`, `e2e` and `reports` are short names, and the distribution openai-agents also installs a package `agents`. Two
distributions with the same import name cannot share an environment: either Python finds only one of the two folders, or
both were written into the same folder, where the `__init__.py` is that of the later one.
"""

import importlib.util
from pathlib import Path

NAMES = ("agents", "e2e", "reports")


def taken(home: Path | None = None) -> dict[str, Path]:
    """The import names of ours that belong to another package here, with the folder or file that Python finds.

    `home` is the folder that holds `workbench`. A name under which nothing is found is not listed: its plugins report
    that when they are loaded. Nothing is imported.
    """
    home = home or Path(__file__).resolve().parents[2]
    folders_of = {}
    for name in NAMES:
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue
        folders = [Path(folder).resolve() for folder in spec.submodule_search_locations or ()]
        if home / name not in folders:
            folders_of[name] = folders[0] if folders else Path(spec.origin or name)
        elif _is_foreign(home / name / "__init__.py"):
            folders_of[name] = home / name / "__init__.py"
    return folders_of


def _is_foreign(init: Path) -> bool:
    """Whether an `__init__.py` is another package's: ours are empty."""
    return init.exists() and init.stat().st_size > 0


def warning(name: str, where: Path) -> str:
    """The warning about a name that another package has taken."""
    also = " (the distribution openai-agents installs a package of that name)" if name == "agents" else ""
    return (
        f"Python finds the package `{name}` in {where}, which is not the workbench's{also}: systems from there cannot "
        "be loaded. Install the workbench in an environment of its own."
    )
