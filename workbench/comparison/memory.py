"""The most memory that this process has held, and what torch has held on GPUs.

Linux counts it since the process began its program (`VmHWM` in `/proc/self/status`, see proc(5)); elsewhere it is what
`getrusage` says.
"""

import re
import resource
import sys
from contextlib import suppress
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_memory() -> int:
    """Bytes of main memory that this process held at its peak."""
    with suppress(OSError):
        found = re.search(r"^VmHWM:\s*(\d+) kB", _STATUS.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reset_peak() -> int:
    """Count the peak anew where the system can do that; returns what `peak_memory` says then."""
    with suppress(OSError):
        _CLEAR.write_text("5", encoding="utf-8")
    return peak_memory()


def peak_gpu_memory() -> int | None:
    """Bytes that torch held on the GPUs of this process, each at its peak; None where it used none."""
    torch = sys.modules.get("torch")  # the bench itself never imports it
    if torch is None or not torch.cuda.is_initialized():
        return None
    return sum(torch.cuda.max_memory_allocated(number) for number in range(torch.cuda.device_count())) or None
