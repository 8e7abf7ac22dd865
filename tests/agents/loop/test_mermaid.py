from agents.loop.mermaid import DOCS, drawn_into, mermaid


def test_the_drawing_in_the_docs_is_that_of_the_graph() -> None:
    text = DOCS.read_text()
    assert mermaid() in text, "run `python -m agents.loop.mermaid`"
    assert drawn_into(text) == text


def test_every_step_is_drawn() -> None:
    edges = [line.split() for line in mermaid().splitlines()[1:]]
    assert {edge[0] for edge in edges} == {"start([sample])", "ask", "parse", "segment", "check", "join", "finish"}
    assert ["check", "-->", "join"] in edges and ["parse", "-.->", "check"] in edges
