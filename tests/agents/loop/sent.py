"""What a scripted model was sent."""

from collections.abc import Sequence

from agents.language_models.interface import Message, Picture
from agents.loop.workspace import Workspace
from tests.agents.scripted import (
    ScriptedModel,
)


def texts(message: Message) -> str:
    return "\n".join(part for part in message.parts if isinstance(part, str))


def pictures(messages: Sequence[Message]) -> list[Picture]:
    return [part for message in messages for part in message.parts if isinstance(part, Picture)]


def requests(work: Workspace) -> list[list[Message]]:
    assert isinstance(work.model, ScriptedModel)
    return work.model.requests
