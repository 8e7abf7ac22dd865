"""Prices of a second of the machine and of tokens, from a small YAML file.

    currency: EUR
    default: {second: 0.0009}
    systems:
      sam3-agent: {second: 0.0009, million_tokens_in: 0.15, million_tokens_out: 0.60}

`default` is for the systems that are not listed. A second is one of the clock while the system works, and costs what
the machine, or the part of it that the system keeps busy, costs in that time: for a GPU of 3.24 EUR an hour, 0.0009.
Tokens are those of language models that are paid by the token. What is left out costs nothing.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from workbench.data.errors import ConfigurationError
from workbench.data.records import Record
from workbench.data.yaml_files import read_mapping


def _shown(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError("expected a name or code to be shown, as EUR")
    return name


Amount = Annotated[float, Field(ge=0, le=1e12)]
Currency = Annotated[str, Field(max_length=12), AfterValidator(_shown)]


class Price(Record):
    """What a system costs, in the currency."""

    second: Amount = 0.0
    """A second in which it works."""
    million_tokens_in: Amount = 0.0
    """A million tokens that language models read."""
    million_tokens_out: Amount = 0.0
    """A million tokens that they write."""

    def of(self, seconds: float, tokens_in: float, tokens_out: float) -> float:
        """The price of so much work."""
        return seconds * self.second + (tokens_in * self.million_tokens_in + tokens_out * self.million_tokens_out) / 1e6


class Prices(Record):
    """The prices of all systems."""

    currency: Currency
    """Its name or code, as it is shown."""
    default: Price = Field(default_factory=Price)
    """Of systems that are not listed."""
    systems: dict[str, Price] = Field(default_factory=dict)
    """By the systems' names in the run."""

    def of(self, system: str) -> Price:
        """The price of a system."""
        return self.systems.get(system, self.default)


def read_prices(path: Path, systems: Collection[str]) -> Prices:
    """The prices in a file. Raises `ConfigurationError` that names the file and what is wrong, as a price for a system
    that is not one of `systems`.
    """
    prices = Prices.from_json(read_mapping(path, texts=("currency",)), str(path))
    for name in prices.systems:
        if name not in systems:
            raise ConfigurationError(f"{path}: systems: expected names out of {', '.join(systems)}, got {name!r}")
    return prices
