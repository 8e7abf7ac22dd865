"""Traces as they are stored: what a call was sent and replied is packed where it is long.

A record of the store has its calls with times, tokens and what they were about. In an agent's conversation each request
repeats all that was said before: texts and masks take most of the room, and are read only when a sample is looked at.
They are kept compressed beside the calls, under `trace`: base64 of zstd of the JSON list of what was taken out of each
call's note.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from workbench.data.errors import SampleError

TRACE = "trace"
"""Key of a record."""
LONG = ("sent", "reply", "marked", "extra")
"""Fields of a call's note that are packed."""
WORTH = 4096
"""Characters of JSON from which packing pays; a tiny system's conversation takes a quarter of it."""
MOST = 1 << 30
"""Bytes of JSON that a packed trace may have."""

Record = dict[str, Any]


def packed(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record with the long parts of its calls' notes packed, where that pays; else the record itself."""
    calls = record.get("calls")
    if not calls:
        return record
    parts = [{key: call["note"][key] for key in LONG if key in call["note"]} for call in calls]
    text = json.dumps(parts, allow_nan=False, separators=(",", ":"))
    if len(text) < WORTH:
        return record

    from zstandard import ZstdCompressor

    short = [{**call, "note": {k: v for k, v in call["note"].items() if k not in LONG}} for call in calls]
    trace = base64.b64encode(ZstdCompressor().compress(text.encode())).decode()
    return {**record, "calls": short, TRACE: trace}


def unpacked(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inverse of `packed`; raises `SampleError` for a trace that cannot be read."""
    if TRACE not in record:
        return record

    from zstandard import ZstdDecompressor, ZstdError

    try:
        pressed = base64.b64decode(record[TRACE], validate=True)
        with ZstdDecompressor().stream_reader(pressed) as reader:
            text = reader.read(MOST + 1)
        if len(text) > MOST:
            raise ValueError(f"more than {MOST} bytes")
        parts = json.loads(text)
        calls = [{**call, "note": {**call["note"], **part}} for call, part in zip(record["calls"], parts, strict=True)]
    except (ZstdError, TypeError, ValueError, KeyError) as error:
        raise SampleError(f"{TRACE}: it cannot be read ({error})") from error
    return {key: value for key, value in record.items() if key != TRACE} | {"calls": calls}
