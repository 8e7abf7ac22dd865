"""Plugins are found, described and loaded; what is wrong with one is said and stops nothing else."""

import sys

import pytest

from tests.conftest import Install
from workbench.data.errors import ConfigurationError
from workbench.plugins import registry

GOOD = '''
def good(size: int = 3, fast: bool = False):
    """Does it well.

    More about it.
    """
    return size, fast
'''


def _by_name(group: registry.Group) -> dict[str, registry.Plugin]:
    return {plugin.name: plugin for plugin in registry.plugins(group)}


def test_a_plugin_of_another_distribution_is_listed_with_its_origin_and_first_line(install: Install) -> None:
    install("acme", {"systems": {"acme-good": "acme_good:good"}}, {"acme_good": GOOD})
    expected = registry.Plugin("systems", "acme-good", "acme/acme_good:good", "Does it well.", None)
    assert _by_name("systems")["acme-good"] == expected


@pytest.mark.parametrize(
    ("target", "source", "reason"),
    [
        ("acme_raises:make", "raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("acme_missing:make", None, "No module named 'acme_missing'"),
        ("acme_empty:make", "", "no attribute 'make'"),
        ("acme_needs:make", "import acme_dependency", "No module named 'acme_dependency'"),
        ("acme_syntax:make", "def make(:", "SyntaxError"),
        ("acme_number:make", "make = 3", "expected a function, got int"),
    ],
)
def test_a_broken_plugin_is_listed_with_its_reason_beside_the_others(
    install: Install, target: str, source: str | None, reason: str
) -> None:
    module = target.partition(":")[0]
    modules = {"acme_good": GOOD} | ({module: source} if source is not None else {})
    install("acme", {"systems": {"acme-bad": target, "acme-good": "acme_good:good"}}, modules)
    found = _by_name("systems")
    assert reason in str(found["acme-bad"].problem)
    assert found["acme-good"].problem is None
    with pytest.raises(ConfigurationError, match=r"acme-bad.*acme/" + target + ".*is broken"):
        registry.load("systems", "acme-bad")


def test_listing_stops_short_of_heavy_packages_and_still_shows_the_first_line(install: Install) -> None:
    source = "try:\n    import tensorflow\nexcept Exception:\n    tensorflow = None\n" + GOOD
    install("acme", {"systems": {"acme-heavy": "acme_heavy:good"}}, {"acme_heavy": source})
    found = _by_name("systems")["acme-heavy"]
    assert (found.summary, found.problem) == ("Does it well.", None)
    assert "acme_heavy" not in sys.modules
    assert registry.load("systems", "acme-heavy")() == (3, False)


def test_an_unknown_name_is_answered_with_the_closest_and_all_known_ones(install: Install) -> None:
    install("acme", {"recipes": {"acme-good": "acme_good:good", "zzz": "acme_good:good"}}, {"acme_good": GOOD})
    with pytest.raises(ConfigurationError, match=r"unknown recipe 'acme-god' \(did you mean 'acme-good'\?\).*zzz"):
        registry.load("recipes", "acme-god")


def test_two_plugins_of_one_name_are_an_error_that_names_both(install: Install) -> None:
    install("acme", {"systems": {"twin": "acme_good:good"}}, {"acme_good": GOOD})
    install("zenith", {"systems": {"twin": "zenith_good:good"}}, {"zenith_good": GOOD})
    both = "acme/acme_good:good and zenith/zenith_good:good"
    with pytest.raises(ConfigurationError, match=both):
        registry.load("systems", "twin")
    twins = [plugin for plugin in registry.plugins("systems") if plugin.name == "twin"]
    assert len(twins) == 2
    assert all(both in str(twin.problem) for twin in twins)


def test_looking_up_one_name_imports_no_other_plugin(install: Install) -> None:
    points = {"acme-good": "acme_good:good", "acme-other": "acme_other:make"}
    install("acme", {"systems": points}, {"acme_good": GOOD, "acme_other": "raise RuntimeError"})
    assert registry.load("systems", "acme-good")() == (3, False)
    assert "acme_other" not in sys.modules


def test_options_are_bound_and_an_unknown_one_is_an_error(install: Install) -> None:
    install("acme", {"systems": {"acme-good": "acme_good:good"}}, {"acme_good": GOOD})
    assert registry.prepare("systems", "acme-good", {"fast": True}).keywords == {"fast": True}
    with pytest.raises(ConfigurationError, match=r"unknown option of acme-good 'sise'.*'size'"):
        registry.prepare("systems", "acme-good", {"sise": 4})
