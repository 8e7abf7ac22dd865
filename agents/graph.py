"""The SAM 3 agent as a LangGraph graph: a node per step, plain state, pixels and models in the sample's workspace.

ask -> parse -> segment ----------------> ask
             -> check (one per mask) -> join -> ask
             -> finish
"""

import operator
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Literal, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Send

from agents import conversation, tools
from agents.conversation import Shown, Text, Turn
from agents.language_model import Message, Picture
from agents.workspace import Ending, Workspace

Verdict = bool | Ending
"""Accepted or rejected, or why the check could not be done."""


class State(TypedDict):
    """References into the workspace and texts. `current` holds the masks that can be selected, in the order of their
    numbers; `phrases` those that were run; `mistakes` counts replies in a row that could not be carried out; `ending`
    is None for an answer."""

    turns: list[Turn]
    reply: str
    complete: bool
    requests: int
    mistakes: int
    current: list[int]
    phrases: list[str]
    verdicts: Annotated[dict[int, Verdict], operator.or_]
    selected: list[int]
    ending: Ending | None


class Check(TypedDict):
    """Input of one mask check: index of the mask and its number in the picture."""

    mask: int
    number: int


def run(workspace: Workspace) -> State:
    """Work on one sample until it ends; the trace of it is in the workspace."""
    raw = workspace.add(workspace.image)
    state: State = {
        "turns": conversation.opening(workspace.prompts, workspace.query, raw),
        "reply": "",
        "complete": True,
        "requests": 0,
        "mistakes": 0,
        "current": [],
        "phrases": [],
        "verdicts": {},
        "selected": [],
        "ending": None,
    }
    steps_a_round = 4
    config: Any = {
        "recursion_limit": steps_a_round * (workspace.options.max_generations + 1) + 4,
        "max_concurrency": workspace.model.concurrency,
    }
    final: Any = _graph().invoke(state, config, context=workspace)
    ended: State = final
    return ended


def ask(state: State, runtime: Runtime[Workspace]) -> Command[Literal["parse", "finish"]]:
    """Send the conversation, unless the rounds are used up."""
    workspace = runtime.context
    limit = workspace.options.max_generations
    if state["requests"] > limit:
        spent = Ending("budget_spent", f"no answer after {state['requests']} requests (max_generations {limit})")
        return _end(spent)
    messages = conversation.messages(state["turns"], workspace.pictures)
    answer, workspace.latest = workspace.ask(messages, request="main", about=_about(state["turns"]))
    if isinstance(answer, Ending):
        return _end(answer)
    update = {"reply": answer.text, "complete": answer.finish_reason == "stop", "requests": state["requests"] + 1}
    return Command(goto="parse", update=update)


def parse(state: State, runtime: Runtime[Workspace]) -> Command[Literal["ask", "segment", "check", "finish"]]:
    """Read the reply and go where it says, or back with what is wrong with it."""
    workspace = runtime.context
    call = tools.parse(state["reply"], len(state["current"]))
    assert workspace.latest is not None
    if isinstance(call, tools.Mistake):
        if not state["complete"]:
            call = _cut_off(workspace)
        workspace.latest.note["mistake"] = call.kind
        return _correct(state, workspace, call)
    workspace.latest.note["tool"] = call.name
    turns = conversation.replied(state["turns"], state["reply"], anchor=call.name == "segment_phrase")
    update: dict[str, Any] = {"turns": turns, "mistakes": 0}
    match call.name:
        case "segment_phrase":
            return Command(goto="segment", update=update | {"reply": call.phrase})
        case "examine_each_mask":
            checks: list[Check] = [{"mask": m, "number": n} for n, m in enumerate(state["current"], start=1)]
            return Command(goto=[Send("check", check) for check in checks], update=update)
        case "select_masks_and_return":
            chosen = [state["current"][number - 1] for number in call.masks]
            return Command(goto="finish", update=update | {"selected": chosen})
        case "report_no_mask":
            return Command(goto="finish", update=update)


def segment(state: State, runtime: Runtime[Workspace]) -> Command[Literal["ask", "finish"]]:
    """Run a phrase, in `reply`, unless it was run before, and show the masks."""
    workspace, prompts, phrase = runtime.context, runtime.context.prompts, state["reply"]
    phrases, current = state["phrases"], state["current"]
    query = workspace.query
    if tools.normalised(phrase) in map(tools.normalised, phrases):
        template = prompts.duplicate_shown if current else prompts.duplicate
        used = conversation.quoted(phrases)
        text = Text("duplicate_phrase", template.format(phrase=phrase, used=used, count=len(current)))
        return _show(state["turns"], workspace, text, current, phrases)
    masks = workspace.segment(phrase)
    if isinstance(masks, Ending):
        return _end(masks)
    workspace.drop(current, "replaced")
    if masks:
        text = Text("masks_rendered", prompts.masks_shown.format(query=query, count=len(masks)))
    else:
        text = Text("zero_masks", prompts.no_masks.format(query=query, phrase=phrase))
    return _show(state["turns"], workspace, text, masks, [*phrases, phrase])


def check(state: Check, runtime: Runtime[Workspace]) -> dict[str, Any]:
    """Have one mask judged alone."""
    workspace = runtime.context
    return {"verdicts": {state["mask"]: _judge(workspace, state["mask"], state["number"])}}


def join(state: State, runtime: Runtime[Workspace]) -> Command[Literal["ask", "finish"]]:
    """Keep the masks that were accepted, under new numbers."""
    workspace, prompts = runtime.context, runtime.context.prompts
    verdicts = [state["verdicts"][mask] for mask in state["current"]]
    failed = next((verdict for verdict in verdicts if isinstance(verdict, Ending)), None)
    if failed:
        return _end(failed)
    left = [mask for mask, verdict in zip(state["current"], verdicts, strict=True) if verdict]
    workspace.drop([mask for mask in state["current"] if mask not in left], "rejected")
    turns = conversation.examined(state["turns"], prompts)
    if left:
        text = Text("examined_masks_left", prompts.masks_left.format(query=workspace.query, count=len(left)))
    else:
        text = Text("examined_all_rejected", prompts.none_left.format(query=workspace.query))
    return _show(turns, workspace, text, left, state["phrases"], accepted=True)


def finish(state: State, runtime: Runtime[Workspace]) -> dict[str, Any]:
    """Record the masks that were shown last and not selected."""
    runtime.context.drop([mask for mask in state["current"] if mask not in state["selected"]], "unselected")
    return {}


def _show(
    turns: Sequence[Turn],
    workspace: Workspace,
    text: Text,
    masks: Sequence[int],
    phrases: Sequence[str],
    *,
    accepted: bool = False,
) -> Command[Any]:
    """Tell the model what a tool gave: a text and, where there are masks, their picture; forget older rounds."""
    parts: tuple[Text | Shown, ...] = (text,)
    if masks:
        described = Text(text.kind, text.text + workspace.describe(masks))
        parts = (described, Shown("accepted_masks" if accepted else "all_masks", workspace.render(masks)))
    pruned = conversation.prune([*turns, Turn("user", parts)], workspace.prompts, workspace.query, phrases[:-1])
    return Command(goto="ask", update={"turns": pruned, "current": list(masks), "phrases": list(phrases)})


def _judge(workspace: Workspace, mask: int, number: int) -> Verdict:
    """A verdict, asked for again, with what was wrong, while it cannot be read."""
    messages = _check_messages(workspace, *workspace.render_check(mask))
    tries = 0
    while True:
        answer, call = workspace.ask(messages, request="check_mask", mask=number)
        if isinstance(answer, Ending):
            return answer
        verdict = tools.parse_verdict(answer.text)
        if not isinstance(verdict, tools.Mistake):
            call.note["accepted"] = verdict
            return verdict
        if answer.finish_reason == "length":
            verdict = _cut_off(workspace)
        call.note["mistake"] = verdict.kind
        tries += 1
        if tries >= workspace.options.max_mistakes:
            return Ending(verdict.kind, f"check of mask {number}, {tries} replies in a row: {verdict.problem}")
        told = workspace.prompts.verdict_mistake.format(problem=verdict.problem)
        said = answer.text[: conversation.REPLY_LIMIT]
        messages = [*messages, Message("assistant", (said,)), Message("user", (told,))]


def _check_messages(workspace: Workspace, alone: Picture, zoomed: Picture) -> list[Message]:
    prompts = workspace.prompts
    pictures = [workspace.pictures[0], alone, zoomed]
    user = Turn(
        "user",
        (
            Text("label_raw", prompts.check_image),
            Shown("raw", 0),
            Text("label_query", prompts.check_query.format(query=workspace.query)),
            Text("label_mask", prompts.check_mask),
            Shown("single_mask", 1),
            Text("label_zoom", prompts.check_zoom),
            Shown("zoomed", 2),
        ),
    )
    return conversation.messages([Turn("system", (Text("checking_prompt", prompts.checking),)), user], pictures)


def _correct(state: State, workspace: Workspace, mistake: tools.Mistake) -> Command[Any]:
    mistakes = state["mistakes"] + 1
    if mistakes >= workspace.options.max_mistakes:
        return _end(Ending(mistake.kind, f"{mistakes} replies in a row: {mistake.problem}"))
    turns = conversation.corrected(state["turns"], workspace.prompts, state["reply"], mistake)
    return Command(goto="ask", update={"turns": turns, "mistakes": mistakes})


def _cut_off(workspace: Workspace) -> tools.Mistake:
    limit = workspace.options.max_tokens
    return tools.Mistake("cut_off", f"The reply was cut off at its limit of {limit} tokens, before it was complete.")


def _end(ending: Ending) -> Command[Any]:
    return Command(goto="finish", update={"ending": ending})


def _about(turns: Sequence[Turn]) -> str:
    """What a request follows on: the kind of the first text of its last message."""
    return next(part.kind for part in turns[-1].parts if isinstance(part, Text))


@cache
def _graph() -> Any:
    graph = StateGraph(State, context_schema=Workspace)
    graph.add_node("ask", ask)
    graph.add_node("parse", parse)
    graph.add_node("segment", segment)
    graph.add_node("check", check)
    graph.add_node("join", join)
    graph.add_node("finish", finish)
    graph.add_edge(START, "ask")
    graph.add_edge("check", "join")
    return graph.compile()
