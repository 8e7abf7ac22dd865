"""What a metric set says of its metrics, and what is taken where it says nothing."""

from workbench.data.metric_info import MetricInfo, describe, described
from workbench.plugins import registry


@describe(
    {
        "distance": MetricInfo("Mean distance of boundaries.", unit="pixels", higher_is_better=False, leads=True),
        "hits_*": MetricInfo("Share of the boundary within so many pixels."),
    }
)
def boundaries() -> None:
    """A metric set of someone else's."""


def test_names_and_patterns_describe_metrics_and_the_leading_ones_come_first() -> None:
    found = described(boundaries, ["hits_1", "hits_2", "distance"])
    assert list(found) == ["distance", "hits_1", "hits_2"]
    assert (found["distance"].unit, found["distance"].higher_is_better) == ("pixels", False)
    assert found["hits_2"].formula == "Share of the boundary within so many pixels."


def test_what_is_not_described_is_a_fraction_of_which_more_is_better_and_the_first_one_leads() -> None:
    found = described(lambda: None, ["x", "y"])
    assert found == {"x": MetricInfo(leads=True), "y": MetricInfo()}


def test_every_metric_set_of_ours_says_what_leads() -> None:
    for plugin in registry.plugins("metrics"):
        if plugin.source.startswith("segmentation-workbench/"):
            declared = registry.load("metrics", plugin.name).metrics
            assert any(info.leads for info in declared.values()), plugin.name
            assert all(info.formula for info in declared.values()), plugin.name
