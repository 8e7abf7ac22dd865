"""A few steps of training, to see whether a loss falls."""

from typing import Any

import torch


def descend(model: torch.nn.Module, loss: Any, steps: int = 12) -> float:
    """Last loss over the first."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    values = []
    for _ in range(steps):
        value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    return values[-1] / values[0]
