"""The SAM 3 agent as a LangGraph graph, with a node for each step. The state is plain data; pixels and models are in
the sample's workspace.

`docs/agent.md` has a drawing of the graph, which `python -m agents.loop.mermaid` makes from the graph itself.
"""

import asyncio
import operator
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Literal, TypedDict

from langgraph.errors import GraphRecursionError, NodeError
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Send

from agents import event_loop as background
from agents.language_models.chat_completion import quoted
from agents.language_models.interface import Message, ModelUnavailableError, PromptTooLongError
from agents.loop import conversation, patience, tools
from agents.loop.conversation import Shown, Text, Turn
from agents.loop.workspace import NOTE_LIMIT, Ending, SeenMask, Workspace
from workbench.data.predictions import Call, Candidate, Note, Sent

Verdict = bool | Ending
"""Accepted or rejected, or why the check could not be done."""
_STEPS_A_ROUND = 4


class State(TypedDict):
    """Where a sample is: texts, numbers and masks as RLE, no pixels.

    `current`: the masks that can be selected, in the order of their numbers. `phrases`: those that were run.
    `mistakes`: how many replies in a row could not be carried out. `ending`: why the sample ends without an answer,
    None where it has one. The last four fields are copies of the workspace's lists; each step adds to them what is new.
    """

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
    calls: Annotated[list[Call], operator.add]
    candidates: Annotated[list[Candidate], operator.add]
    masks: Annotated[list[SeenMask], operator.add]
    drawings: Annotated[list[tuple[int, ...]], operator.add]


class Check(TypedDict):
    """Input of one mask check: index of the mask and its number in the picture."""

    mask: int
    number: int


def run(workspace: Workspace) -> State:
    """Run the agent on one sample to its end, and return the last state; the trace is in the workspace."""
    return background.run(arun(workspace))


async def arun(workspace: Workspace, saver: Any = None, thread: str = "") -> State:
    """Like `run`, on the event loop. With a LangGraph checkpointer `saver` every step is stored under the name
    `thread`, and a sample that was interrupted continues after its last step."""
    options = workspace.options
    config: Any = {
        "recursion_limit": _STEPS_A_ROUND * (options.max_generations + 1) + 4,
        "max_concurrency": workspace.model.concurrency,
        "configurable": {"thread_id": thread},
    }
    graph = compiled(saver)
    kept = (await graph.aget_state(config)).values if saver else None
    state: State = kept or _first(workspace)
    if kept:
        workspace.restore(state)
    given, durability = None if kept else state, "sync" if saver else None
    try:
        async with asyncio.timeout(workspace.left):
            steps = graph.astream(given, config, context=workspace, stream_mode="values", durability=durability)
            async for reached in steps:
                state = reached
    except TimeoutError:
        during = workspace.trace.calls[-1].kind if workspace.trace.calls else "start"
        return _stop(state, workspace, Ending("timed_out", f"{options.time_limit:g} s were over (during: {during})"))
    except GraphRecursionError as error:
        return _stop(state, workspace, Ending("budget_spent", str(error)))
    return state


def _first(workspace: Workspace) -> State:
    raw = workspace.draw()
    return {
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
        **workspace.news(),  # type: ignore[typeddict-item]
    }


def _stop(state: State, workspace: Workspace, ending: Ending) -> State:
    workspace.drop(state["current"], "unselected")
    return {**state, "selected": [], "ending": ending}


async def ask(state: State, runtime: Runtime[Workspace]) -> Command[Literal["parse", "finish"]]:
    """Send the conversation, unless the allowed number of rounds is used up."""
    workspace = runtime.context
    limit = workspace.options.max_generations
    if state["requests"] > limit:
        spent = Ending("budget_spent", f"no answer after {state['requests']} requests (max_generations {limit})")
        return _end(workspace, spent)
    messages = await asyncio.to_thread(conversation.messages, state["turns"], workspace.picture)
    note = Note(request="main", about=_about(state["turns"]), sent=_sent(state["turns"], workspace))
    answer, workspace.latest = await patience.ask(workspace, messages, note)
    complete = answer.finish_reason == "stop"
    return _go(workspace, "parse", reply=answer.text, complete=complete, requests=state["requests"] + 1)


async def parse(state: State, runtime: Runtime[Workspace]) -> Command[Literal["ask", "segment", "check", "finish"]]:
    """Read the reply and go to the node of its tool. If the reply cannot be read, tell the model what is wrong and ask
    again.
    """
    workspace = runtime.context
    call = tools.parse(state["reply"], len(state["current"]), checks=workspace.options.checks)
    assert workspace.latest is not None
    if isinstance(call, tools.Mistake):
        if not state["complete"]:
            call = _cut_off(workspace)
        workspace.latest.note.mistake = call.kind
        return _correct(state, workspace, call)
    workspace.latest.note.tool = call.name
    reply = state["reply"]
    if workspace.oracle:
        call, reply = workspace.oracle.rewritten(call, reply)
    turns = conversation.replied(state["turns"], reply, anchor=call.name == "segment_phrase")
    update: dict[str, Any] = {"turns": turns, "mistakes": 0}
    match call.name:
        case "segment_phrase":
            return _go(workspace, "segment", **update, reply=call.phrase)
        case "examine_each_mask":
            checks: list[Check] = [{"mask": m, "number": n} for n, m in enumerate(state["current"], start=1)]
            return _go(workspace, [Send("check", check) for check in checks], **update)
        case "select_masks_and_return":
            chosen = [state["current"][number - 1] for number in call.masks]
            return _go(workspace, "finish", **update, selected=chosen)
        case "report_no_mask":
            return _go(workspace, "finish", **update)


async def segment(state: State, runtime: Runtime[Workspace]) -> Command[Literal["ask", "finish"]]:
    """Run the phrase of the `reply`, unless it was run before, and show the masks."""
    workspace, prompts, phrase = runtime.context, runtime.context.prompts, state["reply"]
    phrases, current = state["phrases"], state["current"]
    query = workspace.query
    if tools.normalised(phrase) in map(tools.normalised, phrases):
        assert workspace.latest is not None
        workspace.latest.note.mistake = "repeated_phrase"
        template = prompts.duplicate_shown if current else prompts.duplicate
        used = conversation.quoted(phrases)
        text = Text("duplicate_phrase", template.format(phrase=phrase, used=used, count=len(current)))
        return _show(state["turns"], workspace, text, current, phrases)
    masks = await workspace.segment(phrase)
    if isinstance(masks, Ending):
        return _end(workspace, masks)
    workspace.drop(current, "replaced")
    if masks:
        text = Text("masks_rendered", prompts.masks_shown.format(query=query, count=len(masks)))
    else:
        text = Text("zero_masks", prompts.no_masks.format(query=query, phrase=phrase))
    return _show(state["turns"], workspace, text, masks, [*phrases, phrase])


async def check(state: Check, runtime: Runtime[Workspace]) -> dict[str, Any]:
    """Have one mask judged alone."""
    workspace = runtime.context
    # other checks of the same round need not wait for a model that is gone
    verdict = workspace.lost or await _judge(workspace, state["mask"], state["number"])
    return {"verdicts": {state["mask"]: verdict}, **workspace.news()}


async def join(state: State, runtime: Runtime[Workspace]) -> Command[Literal["ask", "finish"]]:
    """Keep the accepted masks, under new numbers."""
    workspace, prompts = runtime.context, runtime.context.prompts
    verdicts = [state["verdicts"][mask] for mask in state["current"]]
    failed = next((verdict for verdict in verdicts if isinstance(verdict, Ending)), None)
    if failed:
        return _end(workspace, failed)
    left = [mask for mask, verdict in zip(state["current"], verdicts, strict=True) if verdict]
    workspace.drop([mask for mask in state["current"] if mask not in left], "rejected")
    turns = conversation.examined(state["turns"], prompts)
    if left:
        text = Text("examined_masks_left", prompts.masks_left.format(query=workspace.query, count=len(left)))
    else:
        text = Text("examined_all_rejected", prompts.none_left.format(query=workspace.query))
    return _show(turns, workspace, text, left, state["phrases"], accepted=True)


async def finish(state: State, runtime: Runtime[Workspace]) -> dict[str, Any]:
    """Record the masks that were shown last but not selected."""
    runtime.context.drop([mask for mask in state["current"] if mask not in state["selected"]], "unselected")
    return dict(runtime.context.news())


async def unanswered(state: State, runtime: Runtime[Workspace], error: NodeError) -> Command[Literal["finish"]]:
    """End the sample after a request that failed for good."""
    return _end(runtime.context, _ending(error))


async def unchecked(state: Check, runtime: Runtime[Workspace], error: NodeError) -> Command[Literal["join"]]:
    """Take the failure of a check that failed for good as its verdict."""
    ending = runtime.context.lost = _ending(error)
    return Command(goto="join", update={"verdicts": {state["mask"]: ending}})


def _ending(failed: NodeError) -> Ending:
    error = failed.error
    if isinstance(error, ModelUnavailableError):
        return Ending("model_unavailable", str(error))
    if isinstance(error, PromptTooLongError):
        return Ending("too_long", str(error))
    raise error


def _show(
    turns: Sequence[Turn],
    workspace: Workspace,
    text: Text,
    masks: Sequence[int],
    phrases: Sequence[str],
    *,
    accepted: bool = False,
) -> Command[Any]:
    """Add the result of a tool to the conversation (a text, and the picture of the masks if there are any), remove
    older rounds, and ask the model."""
    parts: tuple[Text | Shown, ...] = (text,)
    if masks:
        described = Text(text.kind, text.text + workspace.describe(masks))
        parts = (described, Shown("accepted_masks" if accepted else "all_masks", workspace.draw(masks)))
    pruned = conversation.prune([*turns, Turn("user", parts)], workspace.prompts, workspace.query, phrases[:-1])
    return _go(workspace, "ask", turns=pruned, current=list(masks), phrases=list(phrases))


async def _judge(workspace: Workspace, mask: int, number: int) -> Verdict:
    """The verdict on one mask. If a reply cannot be read, the model is told so and asked again."""
    if workspace.oracle and (known := workspace.oracle.verdict(workspace.masks[mask].mask)) is not None:
        return known
    messages = await asyncio.to_thread(check_messages, workspace, mask)
    counts = (workspace.masks[mask].mask["counts"],)
    pictures = [Sent("user", picture=kind, masks=counts) for kind in ("single_mask", "zoomed")]
    said: list[Sent] = []
    while True:
        note = Note(request="check_mask", mask=number, sent=[*pictures, *said])
        answer, call = await patience.ask(workspace, messages, note)
        verdict = tools.parse_verdict(answer.text)
        if not isinstance(verdict, tools.Mistake):
            call.note.accepted = verdict
            return verdict
        if answer.finish_reason == "length":
            verdict = _cut_off(workspace)
        call.note.mistake = verdict.kind
        told = workspace.prompts.verdict_mistake.format(problem=verdict.problem)
        said.append(Sent("user", told))
        if len(said) >= workspace.options.max_mistakes:
            last = quoted(answer.text)
            problem = (
                f"check of mask {number}, {len(said)} replies in a row: {verdict.problem} The last one was: {last}"
            )
            return Ending(verdict.kind, problem)
        reply = answer.text[: conversation.REPLY_LIMIT]
        messages = [*messages, Message("assistant", (reply,)), Message("user", (told,))]


def check_messages(workspace: Workspace, mask: int) -> list[Message]:
    """The conversation in which one mask is judged alone."""
    prompts = workspace.prompts
    pictures = [workspace.picture(0), *workspace.render_check(mask)]
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
    return conversation.messages(
        [Turn("system", (Text("checking_prompt", prompts.checking),)), user], pictures.__getitem__
    )


def _correct(state: State, workspace: Workspace, mistake: tools.Mistake) -> Command[Any]:
    mistakes = state["mistakes"] + 1
    if mistakes >= workspace.options.max_mistakes:
        problem = f"{mistakes} replies in a row: {mistake.problem} {_last(state['reply'], workspace)}"
        return _end(workspace, Ending(mistake.kind, problem))
    turns = conversation.corrected(state["turns"], workspace.prompts, state["reply"], mistake)
    return _go(workspace, "ask", turns=turns, mistakes=mistakes)


def _last(reply: str, workspace: Workspace) -> str:
    """The last reply, quoted for an error message, with a remark on what was unusual about it."""
    assert workspace.latest is not None
    remark = workspace.latest.note.remark
    said = f"The last one was: {quoted(reply)}" if reply.strip() else "The last one was empty."
    return f"{said} ({remark})" if remark else said


def _cut_off(workspace: Workspace) -> tools.Mistake:
    limit = workspace.options.max_tokens
    return tools.Mistake("cut_off", f"The reply was cut off at its limit of {limit} tokens, before it was complete.")


def _end(workspace: Workspace, ending: Ending) -> Command[Any]:
    return _go(workspace, "finish", ending=ending)


def _go(workspace: Workspace, goto: Any, **update: Any) -> Command[Any]:
    """Go to a node, and update the state: the fields that changed, and what the workspace has recorded since the step
    before.
    """
    return Command(goto=goto, update=update | workspace.news())


def _about(turns: Sequence[Turn]) -> str:
    """What the request is about: the kind of the first text of the last message."""
    return next(part.kind for part in turns[-1].parts if isinstance(part, Text))


def _sent(turns: Sequence[Turn], workspace: Workspace) -> list[Sent]:
    """A request as it is kept in the trace: its texts, and which masks its pictures show. The system text is named by
    its version. The model's own replies are left out, as the trace has them already.
    """
    sent: list[Sent] = []
    for turn in turns[1:]:
        for part in turn.parts if turn.role == "user" else ():
            if isinstance(part, Shown):
                masks = tuple(workspace.masks[m].mask["counts"] for m in workspace.drawings[part.picture])
                sent.append(Sent(turn.role, picture=part.kind, masks=masks))
            else:
                sent.append(Sent(turn.role, part.text[:NOTE_LIMIT]))
    return sent


@cache
def compiled(saver: Any = None) -> Any:
    """The compiled graph. Its two nodes that ask the model wait and ask again by themselves, see
    `agents.loop.patience`. A request that failed for good goes to the node's error handler.
    """
    graph = StateGraph(State, context_schema=Workspace)
    graph.add_node("ask", ask, error_handler=unanswered)
    graph.add_node("parse", parse)
    graph.add_node("segment", segment)
    graph.add_node("check", check, error_handler=unchecked)
    graph.add_node("join", join)
    graph.add_node("finish", finish)
    graph.add_edge(START, "ask")
    graph.add_edge("check", "join")
    return graph.compile(checkpointer=saver)
