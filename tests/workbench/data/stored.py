"""A prediction with every field, and its JSON."""

import json
from typing import Any

from workbench.data.masks import Rle
from workbench.data.predictions import Call, Candidate, Instance, Note, Prediction, Sent

MASK: Rle = {"size": [4, 4], "counts": "04L0"}
ANSWER = Prediction(
    "s1",
    (Instance(MASK, 0.5), Instance(MASK, 1, (0.0, 1.0, 2.0, 3.0))),
    latency=0.25,
    calls=(
        Call("llm", 0.0, 1.0, 7, 3, Note(request="main", sent=[Sent("user", "a cup"), Sent("user", picture="raw")])),
        Call("segment", 1.0, 0.5, note=Note(phrase="cup", masks=2, extra={"crop": [1, 2]})),
        Call("rerank", 1.5),
    ),
    candidates=(Candidate(MASK, 0.1, "nms", "cup"),),
    phrases=("cup",),
    rejected=False,
)


def stored(answer: Prediction = ANSWER) -> Any:
    return json.loads(json.dumps(answer.to_json()))
