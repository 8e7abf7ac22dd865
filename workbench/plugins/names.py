"""The message for a name that does not exist."""

import difflib
from collections.abc import Sequence


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """The message for a name that does not exist, with the closest one and all that do."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"unknown {what} {name!r}{hint}; known: {', '.join(known) or 'none'}"
