"""Makes torchvision importable in every process of a vLLM server when its compiled part does not fit a CPU build of
torch. vLLM imports torchvision for Qwen3-VL, and that import fails where the schemas of torchvision's own operators are
not registered.
"""

import importlib.abc
import sys
from typing import Any

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class _BeforeTorchvision(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname != "torchvision":
            return
        sys.meta_path.remove(self)
        import torch

        if torch.version.cuda is None:
            for name in ("nms", "qnms"):
                torch.library.define(f"torchvision::{name}", _SCHEMA)


sys.meta_path.insert(0, _BeforeTorchvision())
