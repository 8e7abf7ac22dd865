"""What a comparison prepares from its settings."""

from workbench.comparison.comparison import Comparison
from workbench.plugins.values import Written


def test_the_seed_is_that_of_a_generated_benchmark_unless_it_is_set() -> None:
    systems = ["sam3-phrase-tiny"]
    made = [
        Comparison(systems, "tabletop", seed=3, settings=settings).plugins()[1].keywords["seed"]
        for settings in ({}, {"tabletop": {"seed": Written("5")}})
    ]
    assert made == [3, 5]
    assert "seed" not in Comparison(systems, "grefcoco", seed=3).plugins()[1].keywords
