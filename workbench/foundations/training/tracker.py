"""Logs a training run to MLflow during training."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from workbench.foundations.training.loop import Track
from workbench.tracking.client import log_metrics, log_params, open_experiment, shown
from workbench.tracking.stores import sqlite_uri

OFF = "none"


class Tracker:
    """One MLflow run of experiment `training`, with the configuration as parameters and the log as metrics.

    A resumed training continues the same MLflow run, whose id is in `tracking.json` of the output folder. `uri` is the
    store, `none` for no tracking; by default it is `mlflow.db` in the output folder. If MLflow fails, one message says
    so and training continues without it: `log.jsonl` has every number.
    """

    def __init__(self, out: Path, config: Mapping[str, Any], uri: str | None = None) -> None:
        self.uri = uri or sqlite_uri(out / "mlflow.db")
        self._client: Any = None
        if self.uri != OFF:
            try:
                self._client, self._run = self._open(out, config)
            except Exception as error:  # an unreachable store must not end a training
                self._give_up(error)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log numbers of one optimiser step."""
        self._try(lambda: log_metrics(self._client, self._run, values, step))

    def part(self, name: str) -> Track:
        """A tracker for one of several loops whose steps are counted separately: `NAME/METRIC`."""
        return lambda step, values: self.log(step, {f"{name}/{metric}": value for metric, value in values.items()})

    def __enter__(self) -> "Tracker":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        ending = "FINISHED" if kind is None else "KILLED" if kind is KeyboardInterrupt else "FAILED"
        self._try(lambda: self._client.set_terminated(self._run, ending))

    def _open(self, out: Path, config: Mapping[str, Any]) -> tuple[Any, str]:
        out.mkdir(parents=True, exist_ok=True)
        client, experiment = open_experiment(self.uri, out, "training")
        record = out / "tracking.json"
        before = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
        if before.get("store") == shown(self.uri):
            client.update_run(before["run"], "RUNNING")
            return client, str(before["run"])
        run = str(client.create_run(experiment, run_name=out.name).info.run_id)
        log_params(client, run, config)
        record.write_text(json.dumps({"store": shown(self.uri), "run": run}) + "\n", encoding="utf-8")
        return client, run

    def _try(self, action: Any) -> None:
        if self._client is None:
            return
        try:
            action()
        except Exception as error:  # as above
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._client = None
        print(f"MLflow at {shown(self.uri)} failed, training goes on without it: {error}", file=sys.stderr)
