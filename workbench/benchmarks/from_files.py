"""Finds and makes the benchmark that reads a file, from what benchmarks declare (`workbench.plugins.interfaces`)."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.data.errors import ConfigurationError
from workbench.plugins import registry
from workbench.plugins.interfaces import Benchmark, FileReader, file_reader


def reader_of(protocol: str, annotations: Path) -> str:
    """Name of the benchmark that reads the annotations of a protocol.

    This is the benchmark that declares the protocol. Where several do, it is the one that recognises the file, else has
    the protocol's name. Raises `ConfigurationError` where there is none, or more than one.
    """
    readers = _readers()
    fitting = {name: reader for name, reader in readers.items() if protocol in reader.protocols}
    if not fitting:
        raise ConfigurationError(
            f"no benchmark says that it reads files for {protocol}: name one with --benchmark, of {', '.join(readers)}"
        )
    if len(fitting) > 1:
        known = {name: r for name, r in fitting.items() if r.recognises is not None and r.recognises(annotations)}
        named = {name: reader for name, reader in fitting.items() if name == protocol.partition("/")[0]}
        unsure = {name: reader for name, reader in fitting.items() if reader.recognises is None}
        fitting = known or unsure or named
    if len(fitting) != 1:
        several = [name for name, reader in readers.items() if protocol in reader.protocols]
        raise ConfigurationError(
            f"{', '.join(several)} read files for {protocol}, and {annotations} does not tell which: "
            "name one with --benchmark"
        )
    return next(iter(fitting))


def make(name: str, annotations: Path, images: Path | None, options: Mapping[str, Any] | None = None) -> Benchmark:
    """The benchmark of this name, reading these files; `options` are its further options.

    Raises `ConfigurationError` for a benchmark that is not read from files, and where the files are missing.
    """
    factory = registry.load("benchmarks", name)
    if file_reader(factory) is None:
        raise ConfigurationError(f"benchmark {name} is not read from files: it has no option `annotations`")
    given = {"annotations": str(annotations), **(options or {})}
    if images is not None or "images" in inspect.signature(factory).parameters:
        given.setdefault("images", None if images is None else str(images))
    made: Benchmark = registry.bind(name, factory, given, "benchmarks")()
    return made


def skips_missing_images(name: str, protocol: str) -> bool:
    """Whether a protocol leaves out samples of this benchmark whose image is not there."""
    reader = file_reader(registry.load("benchmarks", name))
    return reader is not None and protocol in reader.skips_missing_images


def _readers() -> dict[str, FileReader]:
    """All benchmarks that are read from files, by name; broken plugins are skipped."""
    names = [plugin.name for plugin in registry.plugins("benchmarks") if not plugin.problem]
    readers = {name: file_reader(registry.load("benchmarks", name)) for name in names}
    return {name: reader for name, reader in readers.items() if reader is not None}
