"""A plugin that ends, crashes, prints or hangs at import is listed as broken, and stops nothing else."""

import sys

import pytest

from tests.conftest import Install
from tests.workbench.plugins.bad import BAD, GOOD
from workbench.data.errors import ConfigurationError
from workbench.plugins import registry
from workbench.plugins.details import details


def test_each_is_listed_with_its_reason_and_the_others_as_ever(
    plugins: dict[str, registry.Plugin], capfd: pytest.CaptureFixture[str]
) -> None:
    for name, (_, reason) in BAD.items():
        assert reason in str(plugins[f"acme-{name}"].problem)
    good, ours = plugins["acme-good"], plugins["sam3-agent-tiny"]
    assert (good.summary, good.problem, ours.problem) == ("Does it well.", None, None)
    assert "acme_good" not in sys.modules
    assert capfd.readouterr().out == ""


def test_details_of_one_plugin(install: Install) -> None:
    install("acme", {"systems": {"acme-good": "acme_good:good"}}, {"acme_good": GOOD})
    (found,) = details("acme-good")
    assert (found.distribution, found.version, found.definition) == ("acme", "1.0", "acme_good:good")
    assert (found.summary, found.description) == ("Does it well.", "More about it.")
    assert found.options[0] == {
        "name": "size",
        "type": "a whole number",
        "range": "",
        "optional": False,
        "required": False,
        "default": "3",
        "sentence": "Side.",
    }


def test_a_name_in_several_groups_is_shown_for_each() -> None:
    assert [(one.group, bool(one.options)) for one in details("inst2seg")] == [("benchmarks", True), ("metrics", False)]


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown plugin 'tabletob' \(did you mean 'tabletop'\?\)"):
        details("tabletob")


def test_every_option_of_our_plugins_has_a_sentence() -> None:
    for group in ("systems", "benchmarks", "segmenters"):
        for name in registry.names(group):  # type: ignore[arg-type]
            for one in details(name):
                if one.group != group:
                    continue
                assert all(option["sentence"] for option in one.options), name
