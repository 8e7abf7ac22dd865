"""How a single-pass model is validated while it trains: on the recipe's benchmarks, or on tabletop scenes."""

from collections.abc import Callable, Mapping
from typing import Any

from e2e.single_pass.predictor import SinglePass
from e2e.single_pass.system import SinglePassSystem
from e2e.single_pass.tabletop_task import Task, draw, evaluate
from workbench.foundations.training.loop import Loop
from workbench.foundations.training.validation import Validation, copied

BATCH = 8
TOKENS = 64
"""The longest answer on benchmarks."""


class Live(SinglePassSystem):
    """A predictor as a system of the bench, with the model that is training."""

    batch_size = BATCH

    def __init__(self, predictor: SinglePass[Any]) -> None:
        self.predictor = predictor

    def identity(self) -> dict[str, Any]:
        """None of its own: its answers are not kept."""
        return {}


class Validator:
    """Scores the model now and then. With `validate_on` it keeps the best checkpoint in `best`."""

    def __init__(self, config: Mapping[str, Any], benchmarks: Validation | None, task: Task, loop: Loop) -> None:
        """`benchmarks`: those of `validate_on`, which were read before the model; None for tabletop scenes."""
        self.benchmarks, self.loop = benchmarks, loop
        scenes = range(0 if self.benchmarks else config.get("validation_scenes", 40))
        self.scenes = [draw(0, number, task, "val") for number in scenes]
        self.steps, self.seconds = int(config.get("evaluate_steps", 0)), float(config.get("evaluate_every", 10.0)) * 60
        self._at, self._since = loop.step, loop.elapsed

    def due(self) -> bool:
        """Whether it is time for an evaluation between two steps; all processes agree."""
        if self.loop.finished:
            return False
        waited = self.loop.elapsed - self._since
        return self.loop.step - self._at >= self.steps if self.steps else waited > self.seconds

    def run(self, make: Callable[..., SinglePass[Any]], system: type[Live] = Live) -> dict[str, float]:
        """The numbers for the log, of the checkpoint that was just written to `final`. `make` makes a predictor with
        the options that it is given."""
        if self.benchmarks:
            result = self.benchmarks.run(
                lambda prompt: system(make(max_new_tokens=TOKENS, prompt=prompt)), self.loop.step
            )
            if result.best:
                copied(self.loop.out / "final", self.loop.out / "best")
            return result.numbers
        return {f"val {name}": value for name, value in evaluate(make(), self.scenes).items()}

    def done(self) -> None:
        """An evaluation has ended, in all processes."""
        self._at, self._since = self.loop.step, self.loop.elapsed
