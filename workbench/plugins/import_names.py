"""Whether Python finds this distribution's packages under their import names.

`agents`, `e2e` and `reports` are short names, and `agents` is also what the distribution openai-agents installs. Two
distributions with one import name cannot live in one environment: either Python finds only one of the two folders, or
both wrote into the same one, and the `__init__.py` there is that of the one installed last.
"""

import importlib.util
from pathlib import Path

NAMES = ("agents", "e2e", "reports")


def taken(home: Path | None = None) -> dict[str, Path]:
    """The import names of ours under which Python finds someone else's package, with the folder or file it finds.

    `home` is the folder that holds `workbench`. A name under which nothing is found is not listed: its plugins say so
    themselves when they are loaded. Nothing is imported.
    """
    home = home or Path(__file__).resolve().parents[2]
    found = {}
    for name in NAMES:
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue
        folders = [Path(folder).resolve() for folder in spec.submodule_search_locations or ()]
        if home / name not in folders:
            found[name] = folders[0] if folders else Path(spec.origin or name)
        elif _is_foreign(home / name / "__init__.py"):
            found[name] = home / name / "__init__.py"
    return found


def _is_foreign(init: Path) -> bool:
    """Ours are empty."""
    return init.exists() and init.stat().st_size > 0


def warning(name: str, where: Path) -> str:
    """What to tell a user about a name that is taken."""
    also = " (the distribution openai-agents installs a package of that name)" if name == "agents" else ""
    return (
        f"Python finds the package `{name}` in {where}, which is not the workbench's{also}: systems from there cannot "
        "be loaded. Install the workbench in an environment of its own."
    )
