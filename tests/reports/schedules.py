"""Made-up records of a schedule."""

from datetime import UTC, datetime, timedelta
from typing import Any

from workbench.regression.history import FAILED, NAME, PASSED, RATES, REGRESSION

HOSTILE = '<script>alert(1)</script> & "x" | `y`'
BEGIN = datetime(2026, 10, 1, 1, tzinfo=UTC)


def name(day: int) -> str:
    return (BEGIN + timedelta(days=day)).strftime(NAME)


def record(day: int, state: str = PASSED, **changes: Any) -> dict[str, Any]:
    system = {
        "metrics": {"mAP": 0.4 + 0.001 * day, "gIoU": 0.5, "N_acc": None},
        "intervals": {"mAP": [0.3, 0.5], "gIoU": None, "N_acc": None},
        "latency": {"p50": 0.05, "p90": 0.08},
        "rates": dict.fromkeys(RATES, 0.1),
        "n_failed": 0,
        "failures": {},
    }
    lost = {"system": "a", "name": "mAP", "change": -0.071, "interval": [-0.1, -0.04], "bound": 0.01, "p_holm": 0.001}
    return {
        "name": name(day),
        "state": state,
        "reason": HOSTILE if state == FAILED else None,
        "baseline": None if state == FAILED or day == 0 else name(day - 1),
        "gate": None
        if state == FAILED or day == 0
        else {"failed": [lost] if state == REGRESSION else [], "checks": 12, "changed": 3, "notes": []},
        "asked": "same",
        "samples": 240,
        "protocol": "inst2seg",
        "machine": "cpu",
        "git": {"commit": f"{day:040x}", "dirty": day == 2},
        "seconds": 82.0,
        "attempts": 2 if day == 3 else 1,
        "systems": {} if state == FAILED else {"a": system, "b": {**system, "n_failed": 7, "failures": {"timeout": 7}}},
        **changes,
    }
