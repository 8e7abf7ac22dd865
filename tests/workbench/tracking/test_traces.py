"""Samples in MLflow as traces."""

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun

from workbench.runs.run import Run
from workbench.tracking import traces

Logged = tuple[MlflowClient, MlflowRun, dict[str, MlflowRun]]


def test_samples_are_traces_with_a_span_for_each_call(finished: Run, logged: Logged) -> None:
    client, _, children = logged
    child = children["good"].info
    found = client.search_traces(locations=[child.experiment_id], max_results=200)
    own = {t.data.spans[0].name: t for t in found if t.info.trace_metadata["mlflow.sourceRun"] == child.run_id}
    assert sorted(own) == sorted(f"s{n}" for n in range(traces.LIMIT))
    stored = {prediction.sample_id: prediction for prediction in finished.predictions("good")}
    root, call = own["s3"].data.spans
    assert root.inputs["instruction"] == finished.samples()[3].instruction
    assert root.outputs["scores"] == [instance.score for instance in stored["s3"].instances]
    assert call.name == "segment" and call.parent_id == root.span_id
    assert (call.end_time_ns - call.start_time_ns) / 1e9 == pytest.approx(stored["s3"].calls[0].duration, abs=1e-5)
