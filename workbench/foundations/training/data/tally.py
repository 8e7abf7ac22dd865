"""What a training has been shown: epochs, the share of each source, and the pictures that were skipped."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DATA = "data"
"""The folder of a training that has the indices of its sources and what was skipped."""
SKIPPED = "skipped.txt"
SHOWN = 5
"""Skipped pictures that are named on the screen; the file names all."""


@dataclass(frozen=True)
class Report:
    """What stood in one pass: the source of each picture, how many questions, and what was skipped, with the reason."""

    sources: Sequence[str]
    questions: int
    skipped: Sequence[str] = ()


class Tally:
    """Turns reports into numbers for the log, and names each skipped picture once, in `skipped.txt` of a folder."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.path, self.names = folder / SKIPPED, list(names)
        known = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        self._known = dict.fromkeys(known)
        self._counts = Counter[str]()
        self._skipped = 0

    def add(self, report: Report) -> None:
        """Count a pass of the step."""
        self._counts.update(report.sources)
        self._skipped += len(report.skipped)
        new = [said for said in report.skipped if said not in self._known]
        for said in new:
            if len(self._known) < SHOWN:
                print(f"data: skipped {said}", file=sys.stderr, flush=True)
            self._known[said] = None
        if new:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(f"{said}\n" for said in new)

    def step(self) -> Mapping[str, float]:
        """The numbers of the step that ends: the share of each source, where there are several, and how many pictures
        were skipped, once any was."""
        total = max(1, self._counts.total())
        shares = {f"share {name}": self._counts[name] / total for name in self.names} if len(self.names) > 1 else {}
        skipped = {"skipped": float(self._skipped)} if self._known else {}
        self._counts, self._skipped = Counter(), 0
        return {**shares, **skipped}
