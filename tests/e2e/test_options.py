"""Options of the single-pass systems, as the command line shows and checks them."""

import re

import pytest

from e2e.options import INSTRUCTSAM, INSTRUCTSAM_TINY, InstructSamOptions
from e2e.systems import instructsam, instructsam_tiny
from workbench.data.errors import ConfigurationError
from workbench.plugins.options import arguments, identity_of, options_of
from workbench.plugins.values import Written


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            {"quantize": "int4"},
            "instructsam.quantize: expected a text that is one of none, int8, int8-dynamic, got 'int4'",
        ),
        ({"quantize_to": "all"}, "instructsam.quantize_to: expected a text that is one of"),
        ({"dtype": "int8"}, "instructsam.dtype: expected a text"),
        ({"image_size": "0"}, "instructsam.image_size: expected a whole number of at least 1, or none, got '0'"),
        ({"compile": "perhaps"}, "instructsam.compile: expected"),
        ({"protocol": "ours"}, "instructsam.protocol: expected a text"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_before_anything_loads(written: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        arguments("instructsam", instructsam, {name: Written(text) for name, text in written.items()})


def test_every_option_has_its_sentence() -> None:
    for plugin in (instructsam, instructsam_tiny):
        assert [one.name for one in options_of(plugin, sentences=True) if not one.sentence] == []


def test_what_compresses_a_model_is_not_in_the_identity_unless_it_is_asked_for() -> None:
    usual = {"threshold", "prompt", "max_new_tokens", "dtype"}
    assert set(identity_of(InstructSamOptions())) == usual
    assert set(identity_of(INSTRUCTSAM)) == set(identity_of(INSTRUCTSAM_TINY)) == usual
