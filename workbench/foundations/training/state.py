"""What of a training is kept on disk, so that it goes on where it was killed: what trains, and nothing that does not.

The frozen weights are those of the checkpoint that the training started from; a few numbers of each are kept, so that a
training does not go on from other ones.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workbench.data.errors import ConfigurationError
from workbench.foundations.training.distributed import Processes, random_states, restore_random_states
from workbench.foundations.training.sharding import is_sharded, like, whole

FILE = "resume.pt"
VERSION = 2
"""Layout of the file. The first one had no version and held all weights, frozen ones too; it is still read."""
_SEEN = 64
"""Numbers of each frozen tensor that are compared."""
_SHOWN = 5


def trained_parameters(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, nn.Parameter]:
    """The parameters that the optimiser changes, by name, each once."""
    own = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    return {name: parameter for name, parameter in model.named_parameters() if id(parameter) in own}


class TrainingState:
    """The state of one training: its model's trained parameters and buffers, its optimiser, and the random generators
    of its processes. All methods are collective: each process makes them, in the same order."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, processes: Processes) -> None:
        self.model, self.optimizer, self.processes = model, optimizer, processes
        self.trained = trained_parameters(model, optimizer)
        self._frozen: str | None = None

    @property
    def frozen(self) -> str:
        """A digest of some numbers of each parameter that does not train."""
        if self._frozen is None:
            total = hashlib.sha256()
            for name, parameter in self.model.named_parameters():
                if name not in self.trained:
                    flat = whole(parameter.detach()).flatten()
                    seen = flat[:: max(1, len(flat) // _SEEN)][:_SEEN].float().cpu().contiguous()
                    total.update(name.encode() + b"\0" + seen.numpy().tobytes())
            self._frozen = total.hexdigest()[:16]
        return self._frozen

    def write(self, folder: Path, counts: Mapping[str, float]) -> None:
        """Write `resume.pt`, with further numbers; a kill during writing leaves the old file intact."""
        first = not self.processes.number
        model = {name: _kept(tensor, first) for name, tensor in self._tensors().items()}
        names = {id(parameter): name for name, parameter in self.trained.items()}
        optimizer = {
            names[id(parameter)]: {key: _kept(value, first) for key, value in values.items()}
            for parameter, values in self.optimizer.state.items()
        }
        state = {
            "version": VERSION,
            "model": model,
            "frozen": self.frozen,
            "optimizer": {"state": optimizer},
            "random": random_states(self.processes),
            **counts,
        }
        if first:
            temporary = folder / f"{FILE}.tmp"
            torch.save(state, temporary)
            temporary.replace(folder / FILE)

    def read(self, folder: Path) -> dict[str, Any] | None:
        """Restore what `write` wrote and return the file, None where there is none. Raises `ConfigurationError` for a
        file of another training: other parameters train, or the frozen ones are not the same."""
        path = folder / FILE
        if not path.exists():
            return None
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        try:
            if state.get("version", 1) > VERSION:
                raise ConfigurationError(f"{path} is of a newer version of the bench: update it")
            if "version" in state:
                self._restore(state)
            else:
                self.model.load_state_dict(state["model"])
                self.optimizer.load_state_dict(state["optimizer"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise ConfigurationError(_other(path, f"{type(error).__name__}: {error}")) from error
        except ConfigurationError as error:
            raise ConfigurationError(_other(path, str(error))) from error
        restore_random_states(self.processes, state.get("random", []))
        return state

    def _tensors(self) -> dict[str, Tensor]:
        parameters: dict[str, Tensor] = {name: parameter.detach() for name, parameter in self.trained.items()}
        known = {name for name, _ in self.model.named_parameters(remove_duplicate=False)}
        return parameters | {name: one for name, one in self.model.state_dict().items() if name not in known}

    @torch.no_grad()
    def _restore(self, state: Mapping[str, Any]) -> None:
        own, kept = self._tensors(), state["model"]
        if other := sorted(own.keys() ^ kept.keys()):
            raise ConfigurationError(f"not the same parameters train: {_few(other)}")
        if misshapen := [name for name, tensor in own.items() if tensor.shape != kept[name].shape]:
            raise ConfigurationError(f"of another size: {_few(misshapen)}")
        if state["frozen"] != self.frozen:
            raise ConfigurationError("the weights that do not train are no longer those of its start")
        for name, tensor in own.items():
            tensor.copy_(like(kept[name], tensor))
        values = self.optimizer.state_dict()
        order = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        names = {id(parameter): name for name, parameter in self.trained.items()}
        values["state"] = {}
        for number, parameter in enumerate(order):
            if (moments := state["optimizer"]["state"].get(names[id(parameter)])) is not None:
                values["state"][number] = {
                    key: like(one, parameter) if one.dim() else one.clone() for key, one in moments.items()
                }
        self.optimizer.load_state_dict(values)


def _kept(value: Any, first: bool) -> Any:
    """A tensor as it is written; of a sharded one the whole, in the first process only."""
    if not isinstance(value, Tensor):
        return value
    full = whole(value) if is_sharded(value) else value
    return full.detach() if first else None


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _other(path: Path, why: str) -> str:
    return f"{path} is of another training: {why}. Restore its recipe and checkpoints, or train into another --out"
