"""`workbench check-endpoint`: whether a server of a language model answers, and about the picture it is shown."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from workbench.data.errors import ConfigurationError

if TYPE_CHECKING:
    from agents.language_models.canary import Findings

PROBLEMS = 1
LIMIT = 120.0


def add_check_endpoint(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Say whether a server of a language model answers, and about the picture that it is shown."""
    command = commands.add_parser("check-endpoint", help="say whether a server answers, and about the right pictures")
    command.description = (
        "Ask an OpenAI-compatible server about four coloured pictures behind the same words, one by one and many at "
        "once. Finds answers about pictures of other requests, as under prefix caching, and a server that answers "
        "HTTP although nothing is generated any more. Exit code 1 where something is wrong."
    )
    command.add_argument("url", metavar="URL", help="address, such as http://localhost:8001/v1")
    command.add_argument("--model", default="", help="name of a model that it serves (the only one)")
    command.add_argument("--at-once", type=int, default=16, metavar="N", help="requests at once (%(default)s)")
    command.add_argument(
        "--time-limit", type=float, default=LIMIT, metavar="SECONDS", help="for one request (%(default)g)"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(command=check_endpoint)


def check_endpoint(options: argparse.Namespace) -> int:
    """Look, and print what was seen. Raises `ConfigurationError` where there is no such server or model."""
    from agents import event_loop as background
    from agents.language_models.canary import look
    from agents.language_models.openai_endpoint import OpenAiEndpoint

    if options.at_once < 1 or options.time_limit <= 0:
        raise ConfigurationError("--at-once and --time-limit expect numbers above 0")
    model = OpenAiEndpoint(options.url, options.model, temperature=0.0, concurrency=options.at_once)
    served = background.run(model.served())
    if not options.model:
        if len(served) != 1:
            raise ConfigurationError(f"--model expects one of {', '.join(served) or 'none that it names'}")
        model.model = served[0]
    elif options.model not in served:
        raise ConfigurationError(f"--model: {options.url} serves {', '.join(served)}, got {options.model!r}")
    found = background.run(look(model, options.at_once, options.time_limit))
    if options.json:
        print(json.dumps({"model": model.model, **asdict(found), "blind": found.blind, "trouble": found.trouble}))
    else:
        print("\n".join(_said(model.model, found, options.at_once)))
    return PROBLEMS if found.trouble or found.failed else 0


def _said(model: str, found: "Findings", at_once: int) -> list[str]:
    """What was seen, a line each."""
    lines = [f"{model}: {found.asked} answers"]
    lines += [f"  {name}: {said!r}" for name, said in found.answers.items()]
    lines += [f"  MIXED UP: {one}" for one in found.mixed]
    lines += [f"  NO ANSWER: {problem}" for problem in dict.fromkeys(found.failed)]
    if found.trouble:
        lines.append(found.trouble)
    elif found.unsteady:
        lines.append("Its answers change by themselves, so that a mix-up cannot be told from that.")
    elif found.blind:
        lines.append(
            "It says the same of all pictures: it does not see them, or not well enough. A mix-up would not show. If "
            "its weights were rounded (FP8), try the original ones."
        )
    elif not found.failed:
        lines.append(f"Each picture got its own answer, one by one and with {at_once} requests at once.")
    return lines
