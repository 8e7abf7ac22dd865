"""What a finished run says, as it is kept in `results.json`."""

from collections.abc import Mapping
from typing import Any

Results = Mapping[str, Any]


def main_metric(results: Results) -> str:
    """mAP where any system has one, otherwise gIoU (where the targets are one union mask), otherwise the protocol's
    first."""
    systems = results["systems"].values()
    known = [name for system in systems for name, value in system["metrics"].items() if value is not None]
    return next((name for name in ("mAP", "gIoU", *known) if name in known), "gIoU")
