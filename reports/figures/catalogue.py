"""All figures of a comparison: with their titles for the report, and as files for MLflow and for papers."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from matplotlib.figure import Figure

from reports.figures import accuracy as figures
from reports.figures import curves, latency, pareto
from reports.figures.frontier import variants_against_first
from reports.figures.oracles import available, oracle_gains
from reports.figures.stress import against_level
from reports.text.curves import notes
from reports.text.glossary import INSTANCES, NAMES, SAMPLES
from reports.text.stress import findings, shown_metrics
from workbench.data.results import Results, info, main_metric
from workbench.data.vocabulary import FUNNEL_STAGES, MISSED_REASONS, MISTAKES
from workbench.runs.run import Run
from workbench.scoring.frontier import variants
from workbench.scoring.verdict import superior

DPI = 144
Drawn = tuple[str, str, Figure]
"""Title, note and figure."""
_last: list[tuple[Results, list[Drawn]]] = []
"""Results and their figures, of at most one comparison."""


def write_figures(run: Run, out: Path) -> Path:
    """Write the figures of a finished run as PNG files into the folder `out`.

    The files are named by the figures' titles. Figures that are there already are replaced. Returns the folder.
    """
    out.mkdir(exist_ok=True)
    for earlier in out.glob("*.png"):
        earlier.unlink()
    for title, _, figure in drawn_once(run.results):
        figure.savefig(out / f"{title.lower().replace(' ', '-')}.png", dpi=DPI)
    _last.clear()  # the page was written before
    return out


def drawn_once(results: Results) -> list[Drawn]:
    """All figures, the same ones when they are asked for again: page and files show what was drawn and laid out once,
    which takes as long as writing it down. They are kept until the files are written or another comparison is drawn.
    """
    if not _last or _last[0][0] is not results:
        _last[:] = [(results, list(drawn(results)))]
    return _last[0][1]


def drawn(results: Results) -> Iterator[Drawn]:
    """Every figure of a comparison, after its title and a note, in the report's order; each is drawn when asked for. Of
    a run without truth, only those of time and calls."""
    if not results.has_truth:
        yield from _of_time(results)
        yield _failed_calls(results)
        return
    if len(variants(results)) > 1:
        yield (
            "What variants cost",
            "The difference of accuracy to the first with its paired 95 % interval, and what each takes as a multiple "
            "of what the first takes.",
            variants_against_first(results),
        )
    metric, shown = main_metric(results), " and ".join(figures.shown_metrics(results))
    if results.stress:
        over_levels = shown_metrics([results.stress])
        found = " ".join(findings(results.stress, over_levels[0]))
        yield results.stress.axis.title, found, against_level(results.stress, over_levels)
    yield (
        "Accuracy against time",
        f"{metric} against the median latency, 95 % intervals. The line is the Pareto front; a hollow system is "
        f"dominated: another is faster and {superior(info(results, metric))}.",
        pareto.accuracy_against_latency(results),
    )
    yield (
        "By kind of instruction",
        f"{shown} with 95 % intervals; in brackets the number of samples.",
        figures.breakdown(results, "by_kind"),
    )
    yield (
        "By number of targets",
        "The same by how many instances the instruction asks for.",
        figures.breakdown(results, "by_targets"),
    )
    by_call, by_rounds = _of_time(results)
    yield by_call
    yield (
        "Latency by number of targets",
        "Median and 95 % interval; hollow where fewer than 10 images are too few for one.",
        latency.latency_by_targets(results),
    )
    yield by_rounds
    yield (
        "What went wrong",
        "Instances and targets above the line; below it whole samples, each in at most one category.",
        figures.failure_causes(results, _named(INSTANCES), _named(SAMPLES)),
    )
    yield (
        "What became of the missed targets",
        "Whether a candidate mask ever covered them, and why it is not in the answer.",
        figures.missed_targets(results, _named(MISSED_REASONS)),
    )
    yield (
        "Where targets are lost",
        "The share of targets that got through each stage on the way into the answer.",
        figures.recall_funnel(results, _named(FUNNEL_STAGES)),
    )
    yield _failed_calls(results)
    if curves.available(results):
        said = notes(results)
        yield "Other score thresholds", said["threshold"], curves.against_threshold(results)
        yield "What a score is worth", said["reliability"], curves.reliability(results)
        yield "Answering only when sure", said["risk"], curves.risk_against_coverage(results)
        yield "Suppressing duplicates", said["suppression"], curves.against_suppression(results)
    if available(results):
        note = "Gain over the real run, with its 95 % interval, of the same system with one part replaced by the truth."
        yield "What a perfect part would buy", note, oracle_gains(results)


def _of_time(results: Results) -> list[Drawn]:
    return [
        (
            "Where the time goes",
            "Mean over samples by kind of call: in seconds, and as a share of each system's own time.",
            latency.time_by_call(results),
        ),
        (
            "Latency by number of rounds",
            "Median and 95 % interval by how often a sample asked its language model, checks of single masks left out.",
            latency.latency_by_rounds(results),
        ),
    ]


def _failed_calls(results: Results) -> Drawn:
    return (
        "Calls that went wrong",
        "Also those that the system recovered from: what it was told, or tried, again.",
        figures.failed_calls(results, _named(MISTAKES)),
    )


def _named(keys: Iterable[str]) -> dict[str, str]:
    return {key: NAMES[key] for key in keys}
