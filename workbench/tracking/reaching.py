"""Asks, before a comparison starts, whether its MLflow store can be written. A comparison takes long, and a wrong
address would otherwise show only at its end.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from workbench.data.errors import ConfigurationError
from workbench.tracking.client import connect, shown
from workbench.tracking.log import default_uri
from workbench.tracking.stores import OFF, check_made, chosen, database, tidy

_QUICK = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_SQL = r"(postgresql|mysql|mssql)\b"


def check_reachable(uri: str | None, run: Path) -> None:
    """Raise `ConfigurationError` where the store that a run folder would be logged to cannot be written.

    Of a local store it is checked that its folder takes files and that the file, if there is one, is a database;
    nothing is made yet. A server is asked one thing. `uri` is as in `workbench.tracking.log.track`.
    """
    uri = chosen(uri) or default_uri(run)
    if uri == OFF:
        return
    path = database(uri)
    try:
        if path is not None:
            _check_folder(path.parent)
            check_made(path)
        else:
            _ask(uri)
    except Exception as error:
        said = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
        raise ConfigurationError(
            f"the MLflow store {shown(uri)} cannot be used: {shown(said.splitlines()[0])}. "
            f"Start it, or give another --tracking-uri; {OFF} logs nothing"
        ) from error


def _check_folder(folder: Path) -> None:
    """Raise `OSError` where no file can be made in a folder, or in the nearest folder above it that is there."""
    while not folder.exists():
        folder = folder.parent
    with tempfile.TemporaryFile(dir=folder):
        pass


def _ask(uri: str) -> None:
    """Raise whatever MLflow, or the database, says of a store that does not answer."""
    if re.match(_SQL, uri):  # MLflow would try again for minutes
        from sqlalchemy import create_engine

        create_engine(uri).connect().close()
        return
    with _environment(_QUICK), tidy(uri):
        connect(uri).search_experiments(max_results=1)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
