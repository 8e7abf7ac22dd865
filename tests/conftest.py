"""Fixtures that several packages' tests share."""

import os
import secrets
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

# Tests run side by side, one for each core: a second thread of torch or of BLAS would only wait for a core. The
# processes that tests start inherit it, and torch reads it once, when it is imported.
for _threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_threads] = "1"

# Ray reads once, when it is imported, how its clusters are protected: those of tests by a token of this process
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


@pytest.fixture(scope="session", autouse=True)
def tracking_is_short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Less work for MLflow in all tests: few samples of a system are traces, and the first database that a process
    makes, which takes two seconds, is copied where a test needs another. Only the place of the artifacts differs."""
    from workbench.tracking import stores, traces

    really_make = stores._make
    first: list[Path] = []

    def copied(path: Path) -> None:
        if not first:
            first.append(tmp_path_factory.mktemp("store") / "mlflow.db")
            really_make(first[0])
        shutil.copyfile(first[0], path)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "update experiments set artifact_location = ?", [f"{path.parent.as_uri()}/mlartifacts/0"]
            )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "_make", copied)
        patch.setattr(traces, "LIMIT", 4)
        yield


Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution for the length of a test: `install(name, {group: {plugin: target}}, {module: source})`.

    Returns the folder it is in, which is on `sys.path`; pass it on in `PYTHONPATH` to a process of its own.
    """
    with installing(tmp_path / "site", monkeypatch) as installed:
        yield installed


@contextmanager
def installing(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """What `install` gives, for fixtures of another scope."""
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    installed_modules: list[str] = []

    def installed(name: str, groups: Mapping[str, Mapping[str, str]], modules: Mapping[str, str] | None = None) -> Path:
        folder = site / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        sections = [
            "\n".join([f"[workbench.{group}]", *(f"{plugin} = {target}" for plugin, target in points.items())])
            for group, points in groups.items()
        ]
        (folder / "entry_points.txt").write_text("\n\n".join(sections) + "\n")
        for module, source in (modules or {}).items():
            (site / f"{module}.py").write_text(source)
            installed_modules.append(module)
        return site

    yield installed
    for module in installed_modules:
        sys.modules.pop(module, None)
