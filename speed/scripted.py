"""An InstructSAM that writes given words, for models whose weights are random: they do all their work, and what they
would have written does not matter."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from e2e.instructsam.generation import Generated, SlotRow, answer
from e2e.instructsam.predictor import Predictor
from e2e.single_pass.decoding import Prompt
from e2e.single_pass.language import ImageTokens


@dataclass
class ScriptedRow(SlotRow):
    """A row that writes `line`, the last of whose tokens is the end."""

    line: Sequence[int] = ()

    def take(self, token: int, logits: Tensor) -> list[int]:
        return super().take(self.line[len(self.tokens)], logits)


@dataclass(frozen=True)
class ScriptedPredictor(Predictor):
    """A predictor whose every answer is `line`."""

    line: Sequence[int] = ()

    def write(self, prompts: Sequence[Prompt], images: ImageTokens) -> list[Generated]:
        end, longest = self.processor.end_token, self.max_new_tokens
        rows = [ScriptedRow(self.model.config, end, longest, line=self.line) for _ in prompts]
        return answer(self.model, prompts, images, rows, guess=self.guess)


def script(predictor: Predictor, phrases: int) -> ScriptedPredictor:
    """The predictor, writing the given number of phrases of two words, and nothing else."""
    config, processor = predictor.model.config, predictor.processor
    phrase = [config.ref_start_token_index, *processor.words("red")[:1], *processor.words("mug")[:1]]
    line = [token for _ in range(phrases) for token in (*phrase, config.ref_end_token_index)]
    given = {field.name: getattr(predictor, field.name) for field in fields(Predictor)}
    return ScriptedPredictor(**given, line=[*line, processor.end_token])


class ScriptedHead(nn.Module):
    """An output layer that does its work and then has one prompt write `line` again and again, a token a call."""

    def __init__(self, layer: nn.Module, line: Sequence[int]) -> None:
        super().__init__()
        self.layer, self.line, self.calls = layer, line, 0

    def forward(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.layer(hidden)
        logits[:, self.line[self.calls % len(self.line)]] = torch.inf
        self.calls += 1
        return logits
