"""The benchmark of the metrics: both ways compute the same numbers."""

import pytest

from speed.metrics import PER_INSTRUCTION, coco_json, generate, ours, reference, take_turns


def test_the_nested_loops_and_ours_give_the_same_numbers() -> None:
    samples, answers = generate(12)
    expected, found = reference(samples, answers), ours(samples, answers)
    assert {len(sample.targets) for sample in samples} >= {0, 1, 2}
    assert expected["all"]["mAP"] > 0
    for name, group in expected.items():
        assert found[name] == pytest.approx(group, abs=1e-9), name


def test_the_files_for_coco_hold_every_target_and_prediction() -> None:
    samples, answers = generate(5)
    truth, detections = coco_json(samples, answers)
    assert len(truth["images"]) == 5
    assert len(truth["annotations"]) == sum(len(sample.targets) for sample in samples)
    assert len(detections) == 5 * PER_INSTRUCTION


def test_each_way_is_run_as_often_as_the_others_in_turn() -> None:
    order: list[str] = []

    def way(name: str) -> int:
        order.append(name)
        return len(order)

    times, results = take_turns({name: lambda name=name: way(name) for name in "ab"}, 3)  # type: ignore[misc]
    assert "".join(order) == "ababab"
    assert set(times) == {"a", "b"}
    assert results == {"a": 5, "b": 6}
