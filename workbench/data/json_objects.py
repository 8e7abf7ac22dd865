"""JSON objects whose keys stand once: of a key that stands twice, parsers silently keep one value."""

from typing import Any

from workbench.data.errors import short


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object from its keys and values, as `object_pairs_hook` of `json.loads`; `ValueError` for a doubled key."""
    record = dict(pairs)
    if len(record) < len(pairs):
        seen: set[str] = set()
        doubled = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {short(doubled)} is there twice")
    return record
