"""Stress curves: where systems break when one thing about a question gets harder level by level."""

from pathlib import Path

FOLDER = Path(__file__).parent
"""The folder of the stress suites that come with the package."""


def suites() -> list[str]:
    """Names of the stress suites that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))
