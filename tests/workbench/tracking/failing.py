"""A system some of whose answers fail."""

from tests.workbench.toys import Threshold, threshold


def failing() -> Threshold:
    system = threshold(90)
    system.predict = None  # type: ignore[assignment, method-assign]
    return system
