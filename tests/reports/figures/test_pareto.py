"""Accuracy against latency: where systems stand, and which of them no other one dominates."""

import json
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex

from reports.figures import accuracy as figures
from reports.figures import latency, pareto
from reports.figures.style import SYSTEM_COLOURS, system_style
from reports.text import tables
from tests.reports import made_run
from tests.reports.drawn import copied, points, typed
from workbench.data.results import main_metric
from workbench.metrics.latency import latency as measured
from workbench.runs.run import Run


def test_accuracy_against_latency_places_each_system(run: Run) -> None:
    axes = pareto.accuracy_against_latency(run.results).axes[0]
    for name, (colour, _) in system_style(run.systems).items():
        system = run.results.systems[name]
        assert points(axes, colour) == [(pytest.approx(system.latency.p50), 100 * system.metrics["mAP"])]
        bars = [line for line in axes.get_lines() if to_hex(line.get_color()) == colour and len(line.get_xdata()) == 2]
        assert tuple(bars[0].get_xdata()) == system.latency.intervals["p50"]
        assert list(bars[1].get_ydata()) == [100 * bound for bound in system.intervals["mAP"]]
    assert axes.get_xscale() == "log"


def test_a_protocol_without_map_and_giou_is_shown_by_its_first_metric(run: Run) -> None:
    results = copied(run)
    for system in results["systems"].values():
        for part in (system, *system["by_targets"].values()):
            part["metrics"] = {"cgF1": None, "pmF1": 0.25}
    del results["version"], results["metrics"]  # a run of 0.1.0
    assert main_metric(typed(results)) == "pmF1"
    (axes,) = figures.breakdown(typed(results), "by_targets").axes
    assert axes.get_xlabel() == "pmF1 (%)"
    assert {x for x, _ in points(axes, SYSTEM_COLOURS[0])} == {25.0}


def test_without_latency_the_figures_say_so(run: Run) -> None:
    results = copied(run)
    for system in results["systems"].values():
        system["latency"] = json.loads(json.dumps(measured([])))
    (text,) = pareto.accuracy_against_latency(typed(results)).axes[0].texts
    assert text.get_text() == "no system has both a latency and a value"
    for draw in (latency.latency_by_targets, latency.latency_by_rounds):
        assert [text.get_text() for text in draw(typed(results)).axes[0].texts] == ["no timed samples"]


def test_a_run_of_an_earlier_version_is_drawn_without_intervals_of_latency(run: Run) -> None:
    results = copied(run)
    for system in results["systems"].values():
        for key in ("intervals", "by_targets", "by_kind", "by_image", "by_rounds", "rounds", "p95"):
            del system["latency"][key]
        del system["per_correct_instance"]
    for pair in results["differences"]:
        del pair["latency"]
    del results["version"]
    assert len(pareto.accuracy_against_latency(typed(results)).axes[0].texts) == 2
    assert not latency.latency_by_targets(typed(results)).axes[0].get_lines()[0].get_xdata().size
    rows = {(row.name, row.unit) for row in tables.headline(typed(results))}
    assert ("latency p99", "") in rows and not rows & {("latency p95", ""), ("time", "per correct instance")}
    assert tables.differences(typed(results))[-1].cells[0].detail == "faster"


def point(name: str, seconds: float, value: float) -> pareto.Point:
    return pareto.Point(name, seconds, value, (seconds, seconds), (value, value))


def test_the_front_holds_what_no_other_system_dominates() -> None:
    found = [
        point(*one) for one in (("a", 3, 50), ("b", 1, 30), ("c", 2, 30), ("d", 2, 40), ("e", 4, 50), ("f", 1, 30))
    ]
    assert [one.name for one in pareto.pareto_front(found)] == ["b", "f", "d", "a"]
    assert pareto.pareto_front([]) == []


def many(run: Run, seed: int, count: int) -> Any:
    """Results of so many systems with other latencies and values."""
    rng = np.random.default_rng(seed)
    results = copied(run)
    made = json.dumps(results["systems"][made_run.AGENT])
    results["systems"] = {f"system-number-{n}": json.loads(made) for n in range(count)}
    for system in results["systems"].values():
        middle, value = float(np.exp(rng.normal())), float(rng.uniform(0.2, 0.6))
        system["latency"] |= {"p50": middle, "intervals": {"p50": [0.95 * middle, 1.05 * middle]}}
        system["metrics"]["mAP"], system["intervals"]["mAP"] = value, [value - 0.04, value + 0.04]
    return results


@pytest.mark.parametrize("count", [2, 5, 8])
def test_names_beside_points_do_not_overlap_and_stay_inside(run: Run, count: int) -> None:
    for seed in range(3):
        results = many(run, seed, count)
        figure = pareto.accuracy_against_latency(typed(results))
        figure.draw_without_rendering()
        (axes,) = figure.axes
        boxes = [text.get_window_extent() for text in axes.texts]
        assert sorted(text.get_text() for text in axes.texts) == sorted(results["systems"])
        assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
        frame = figure.bbox
        assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)


def test_dominated_systems_are_hollow_and_eight_look_different(run: Run) -> None:
    results = many(run, 0, 8)
    front = {one.name for one in pareto.pareto_front(pareto.points(typed(results)))}
    axes = pareto.accuracy_against_latency(typed(results)).axes[0]
    style = system_style(results["systems"])
    assert len(set(style.values())) == len({colour for colour, _ in style.values()}) == 8
    markers = {to_hex(line.get_color()): line for line in axes.get_lines() if len(line.get_xdata()) == 1}
    for name, (colour, _) in style.items():
        assert (to_hex(markers[colour].get_markerfacecolor()) == colour) == (name in front)
