"""The agent's graph as Mermaid text, for the docs: `python -m agents.loop.mermaid` writes it into `docs/agent.md`."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs" / "agent.md"
_BLOCK = re.compile(r"```mermaid\n.*?```\n", re.DOTALL)


def mermaid() -> str:
    """A Mermaid flowchart of the compiled graph. An arrow is solid where a node has one successor, dotted where it
    chooses.
    """
    from agents.loop.graph import compiled

    drawn = compiled().get_graph()
    nodes = [node for node in drawn.nodes if not node.startswith("__error_handler__")]
    names = {"__start__": "start([sample])", "__end__": "done([prediction])"}
    lines = ["flowchart LR"]
    for edge in drawn.edges:
        if edge.source in nodes and edge.target in nodes:
            arrow = "-.->" if edge.conditional else "-->"
            lines.append(f"    {names.get(edge.source, edge.source)} {arrow} {names.get(edge.target, edge.target)}")
    return "\n".join(lines) + "\n"


def drawn_into(text: str) -> str:
    """A page with its Mermaid block replaced by the present graph."""
    return _BLOCK.sub(lambda _: f"```mermaid\n{mermaid()}```\n", text, count=1)


if __name__ == "__main__":
    DOCS.write_text(drawn_into(DOCS.read_text(encoding="utf-8")), encoding="utf-8")
