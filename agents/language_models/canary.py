"""A canary for servers of language models: the same text about different pictures, one by one and at once.

Servers reuse what they computed for requests that begin alike. Two faults were seen in the wild: an answer about the
picture of another request, when many are in flight, and a server that still answers HTTP although what generates behind
it has died. In a run they show as bad answers, or as requests that never end.
"""

import asyncio
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from agents.language_models.interface import (
    LanguageModel,
    Message,
    ModelUnavailableError,
    PassingError,
    Picture,
    PromptTooLongError,
)

COLOURS = {"red": (220, 30, 30), "green": (30, 170, 50), "blue": (40, 60, 220), "yellow": (235, 215, 40)}
SIDE = 224
AT_ONCE = 16
MAX_TOKENS = 64
_TRIES = 3
_PREFIX = (
    "You look at pictures and say what you see, in as few words as will do. Each picture stands alone and has nothing "
    "to do with any other picture. Do not guess, do not explain, and do not repeat the question. If a picture has one "
    "colour only, the name of this colour is the whole answer."
)
"""So long that a server finds its beginning in what it keeps of earlier requests."""
_QUESTION = "What colour is the picture? Answer with one word."
_WORD = re.compile("|".join(rf"\b{name}\b" for name in COLOURS), re.IGNORECASE)


@dataclass(frozen=True)
class Mixed:
    """An answer that belongs to another picture: the picture, `alone` or `at once`, and what was said of it when
    nothing could be reused, and then."""

    picture: str
    when: str
    expected: str
    said: str

    def __str__(self) -> str:
        return f"{self.picture}, asked {self.when}: {self.said!r} instead of {self.expected!r}"


@dataclass
class Findings:
    """What the canary saw. `answers`: by picture, when nothing of an earlier request could be reused. `mixed`: answers
    about another request's picture. `failed`: why requests were not answered, even when they were sent again. `asked`:
    how many requests were answered.
    """

    answers: dict[str, str] = field(default_factory=dict)
    mixed: list[Mixed] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    asked: int = 0
    unsteady: bool = False
    """Whether answers change by themselves, so that a mix-up cannot be told from that."""
    refused: bool = False
    """Whether a request was refused for a reason that does not pass, such as a key."""

    @property
    def blind(self) -> bool:
        """Whether all pictures got the same answer, so that a mix-up would not show."""
        return len(self.answers) == len(COLOURS) and len(set(self.answers.values())) == 1

    @property
    def trouble(self) -> str:
        """What is wrong in a sentence; empty where nothing was found."""
        if self.mixed:
            return (
                f"it answers about pictures of other requests ({self.mixed[0]}; {len(self.mixed)} of {self.asked} "
                "answers): restart it without what reuses them (vLLM: --no-enable-prefix-caching)"
            )
        if self.dead:
            return (
                f"it answers HTTP, but no request about a picture ({self.failed[-1]}): what generates behind it has "
                "died, so restart it"
            )
        return ""

    @property
    def dead(self) -> bool:
        """Whether no request was answered, and none was refused."""
        return bool(self.failed) and not self.asked and not self.refused


async def look(model: LanguageModel, at_once: int = AT_ONCE, limit: float = 60.0) -> Findings:
    """Ask about four colours: each behind words that no other request begins with, then each behind the same words, one
    by one, and then `at_once` requests together. `limit`: seconds for one request.

    An answer counts as mixed up where it is what another picture was said to be. Then all pictures are asked about once
    more behind words of their own, and where an answer changes by itself, none counts. Requests that fail are noted,
    and nothing is raised.
    """
    findings = Findings()
    pictures = {name: Picture(np.full((SIDE, SIDE, 3), rgb, np.uint8)) for name, rgb in COLOURS.items()}

    async def ask(name: str, own_words: bool = False) -> str | None:
        said = await _ask(model, pictures[name], f"{secrets.token_hex(8)}. " if own_words else "", limit, findings)
        return None if said is None else _meaning(said)

    for name in pictures:
        if (said := await ask(name, own_words=True)) is None:
            return findings
        findings.answers[name] = said
    heard = [(name, "one by one", await ask(name)) for name in pictures]
    names = [name for _ in range(-(-at_once // len(pictures))) for name in pictures][:at_once]
    together = await asyncio.gather(*map(ask, names))
    heard += [(name, f"with {at_once} at once", said) for name, said in zip(names, together, strict=True)]
    others = {name: {said for other, said in findings.answers.items() if other != name} for name in pictures}
    wrong = [
        Mixed(name, when, findings.answers[name], said)
        for name, when, said in heard
        if said is not None and said != findings.answers[name] and said in others[name]
    ]
    if wrong:
        again = {name: await ask(name, own_words=True) for name in pictures}
        findings.unsteady = again != findings.answers
    findings.mixed = [] if findings.unsteady else wrong
    return findings


async def _ask(model: LanguageModel, picture: Picture, before: str, limit: float, findings: Findings) -> str | None:
    """The answer; None where there is none, and why is noted."""
    messages: Sequence[Message] = [Message("system", (before + _PREFIX,)), Message("user", (picture, _QUESTION))]
    problem = ""
    for _ in range(_TRIES):
        try:
            async with asyncio.timeout(limit):
                reply = await model.complete(messages, MAX_TOKENS)
        except PassingError as error:
            problem = str(error)
            await asyncio.sleep(min(error.wait or 0.2, 5.0))
        except TimeoutError:
            problem = f"no answer within {limit:g} s"
            break
        except (ModelUnavailableError, PromptTooLongError) as error:
            problem, findings.refused = str(error), True
            break
        else:
            findings.asked += 1
            return reply.text if reply.text.strip() else reply.remark  # which quotes thoughts that stand apart
    findings.failed.append(problem)
    return None


def _meaning(text: str) -> str:
    """The first colour that an answer names, or its words where it names none: what two answers are compared by."""
    named = _WORD.search(text)
    return named[0].lower() if named else " ".join(text.split()).lower()[:200]
