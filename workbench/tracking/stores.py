"""Chooses the MLflow store, and prepares the database file of a local one.

A new database is made in a temporary place and moved when it is complete: MLflow takes seconds and many steps to make
one, and a database left half made by a kill could not be used.
"""

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

from workbench.data.errors import ConfigurationError
from workbench.runs.files import waiting_lock

OFF = "none"
"""In place of a URI: no store."""
ARTIFACTS = "mlartifacts"
"""Folder beside a local store, for what is no number."""
_VARIABLE = "MLFLOW_TRACKING_URI"
_SQLITE = "sqlite:///"


def chosen(uri: str | None) -> str | None:
    """The chosen store: the given one, else that of `MLFLOW_TRACKING_URI`, else None; `none` stands for no store.

    Raises `ConfigurationError` for a database in memory, of which nothing stays.
    """
    found = uri or os.environ.get(_VARIABLE) or None
    if found and found.startswith("sqlite:") and database(found) is None:
        raise ConfigurationError(
            f"{found} is no file: expected the tracking URI to be sqlite:///PATH, the address of a server, or {OFF}"
        )
    return found


def sqlite_uri(path: Path) -> str:
    """The URI of a database file; `%` and `?` in its path mean nothing else in it."""
    return _SQLITE + str(path.resolve()).replace("%", "%25").replace("?", "%3F")


def database(uri: str) -> Path | None:
    """The database file of a URI; None where it is no SQLite file."""
    if not uri.startswith(_SQLITE):
        return None
    name = unquote(uri.removeprefix(_SQLITE).partition("?")[0])
    return None if name in ("", ":memory:") else Path(name).resolve()


def prepare(uri: str) -> None:
    """Make the database of a local store where there is none. A half-made database with nothing in it is moved aside,
    with a message. Raises `ConfigurationError` for a file that cannot be used.
    """
    path = database(uri)
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if _is_made(path):
        return
    with waiting_lock(path.with_name(path.name + ".lock")):
        if _is_made(path):  # by another process, while this one waited
            return
        if path.exists() and path.stat().st_size:
            _set_aside(path)
        _make(path)


def check(uri: str) -> None:
    """Raise `ConfigurationError` where the database of a local store is not there or cannot be read."""
    path = database(uri)
    if path is None:
        return
    if not path.exists():
        raise ConfigurationError(f"there is no MLflow store {uri}")  # MLflow would make an empty one
    if not _is_made(path) and path.stat().st_size:
        raise ConfigurationError(f"{path} was left half made, with nothing in it: delete it")


def check_made(path: Path) -> None:
    """Raise `ConfigurationError` for a file that is no database, or that may not be written. One that is missing, empty
    or half made is made by `prepare`.
    """
    if path.exists() and not os.access(path, os.W_OK):
        raise ConfigurationError(f"{path} may not be written")
    _is_made(path)


def _is_made(path: Path) -> bool:
    """Whether the file is a complete database; False where it is missing, empty, or half made with nothing in it.

    Raises `ConfigurationError` for a file of another kind, and for what is no file: a pipe or a device looks empty, and
    a new database would take its place.
    """
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{path} is no file, expected the file of an MLflow database or a new name")
    if not path.exists() or not path.stat().st_size:
        return False
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True)) as connection:
            names = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
            ours = names & {"experiments", "alembic_version"}
            filled = "experiments" in names and connection.execute("select 1 from experiments limit 1").fetchone()
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(f"{path} cannot be read as an MLflow database: {error}") from error
    if filled and any(name.startswith("_alembic_tmp") for name in names):
        raise ConfigurationError(
            f"{path}: an upgrade of this MLflow database was interrupted; take a copy of it, drop its tables "
            f"_alembic_tmp_..., and repeat `mlflow db upgrade {sqlite_uri(path)}`"
        )
    return bool(filled) or not ours  # the last step of making one adds the first experiment


def _set_aside(path: Path) -> None:
    number = 1
    while (aside := path.with_name(f"{path.name}.half-made-{number}")).exists():
        number += 1
    path.rename(aside)
    for ending in ("-journal", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    print(f"workbench: {path} was left half made, with nothing in it: it is now {aside.name}", file=sys.stderr)


def _make(path: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with tempfile.TemporaryDirectory(prefix="workbench-mlflow-") as folder:
        made = Path(folder) / "mlflow.db"
        store = SqlAlchemyStore(sqlite_uri(made), (path.parent / ARTIFACTS).as_uri())
        store.engine.dispose()
        arriving = path.with_name(path.name + ".new")
        try:
            shutil.copyfile(made, arriving)
            with arriving.open("rb") as file:
                os.fsync(file.fileno())
            arriving.replace(path)
        except OSError:
            arriving.unlink(missing_ok=True)
            raise


@contextmanager
def tidy(uri: str) -> Iterator[None]:
    """Remove the empty folder that MLflow makes in the block for a URI with quoted characters, because it takes them
    literally.
    """
    folder = Path(uri.removeprefix(_SQLITE)).parent
    existed = database(uri) is None or folder.exists()
    try:
        yield
    finally:
        with suppress(OSError):
            while not existed and folder.name:
                folder.rmdir()
                folder = folder.parent
