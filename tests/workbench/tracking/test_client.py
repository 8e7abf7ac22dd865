"""A client of an MLflow store: where its artifacts lie, and what is logged within MLflow's limits."""

from pathlib import Path

import pytest

from workbench.tracking.client import BATCH, PARAM_LENGTH, log_metrics, log_params, open_experiment, shown


def test_an_experiment_is_made_once_with_its_artifacts_beside_the_store(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}"
    (tmp_path / "store").mkdir()
    client, first = open_experiment(uri, tmp_path / "runs" / "one", "toy")
    _, again = open_experiment(uri, tmp_path / "runs" / "two", "toy")
    assert first == again
    location = client.get_experiment(first).artifact_location
    assert location == (tmp_path / "store" / "mlartifacts" / "toy").as_uri()


def test_more_parameters_than_a_request_takes_are_logged_under_dotted_keys(tmp_path: Path) -> None:
    client, experiment = open_experiment(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "run", "toy")
    run_id = client.create_run(experiment).info.run_id
    many = {f"n{number}": number for number in range(BATCH + 5)}
    log_params(client, run_id, {"a": {"b?": 1}, "long": "x" * (PARAM_LENGTH + 10), **many})
    log_metrics(client, run_id, {"mAP": 0.5})
    data = client.get_run(run_id).data
    assert data.params["a.b_"] == "1"
    assert len(data.params["long"]) == PARAM_LENGTH
    assert data.params.items() >= {name: str(value) for name, value in many.items()}.items()
    assert data.metrics == {"mAP": 0.5}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://me:secret@host/x", "http://host/x"),
        ("no http://a@b and postgresql://c:d@e", "no http://b and postgresql://e"),
        ("sqlite:////folder/a@b.db", "sqlite:////folder/a@b.db"),
    ],
)
def test_names_and_passwords_are_left_out(text: str, expected: str) -> None:
    assert shown(text) == expected
