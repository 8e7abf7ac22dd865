"""`workbench instructions`: instructions about the annotated pictures of any benchmark."""

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.errors import ConfigurationError, StoppedError
from workbench.plugins import registry
from workbench.plugins.assignments import as_assignments, settings_by_name

if TYPE_CHECKING:
    from workbench.instructions.rewriting import Rewriting
    from workbench.instructions.writing import Made, Plan


def write_instructions(options: argparse.Namespace) -> int:
    from workbench.instructions.endpoint import Endpoint
    from workbench.instructions.sheets import write_marked
    from workbench.instructions.writing import make, write
    from workbench.runs.files import check_writable

    plan = _plan(options)
    if (options.endpoint is None) != (options.model is None):
        raise ConfigurationError("instructions: --endpoint and --model belong together: give both, or none")
    endpoint = None if options.endpoint is None else Endpoint(options.endpoint, options.model)
    settings = settings_by_name(options.set, [options.benchmark])[options.benchmark]
    _check_empty(options.out)
    with redirect_stdout(sys.stderr):  # of a benchmark that prints while it writes its files
        benchmark = registry.prepare("benchmarks", options.benchmark, settings)()
        made = make(benchmark, plan)
        check_writable(options.out)
        about: dict[str, Any] = {
            "benchmark": options.benchmark,
            "identity": benchmark.identity(),
            "settings": as_assignments({options.benchmark: settings}),
            "per_picture": plan.per_picture,
            "seed": plan.seed,
            "shares": plan.shares,
        }
        rewriting = _rewrite(made, endpoint, options, about)
        manifest = write(made, options.out, benchmark.image_root(), options.copy, about)
        marked = write_marked(made.entries, options.out)
    print(_said(manifest, options.out, options.out if options.copy else benchmark.image_root(), marked))
    if rewriting is not None and rewriting.is_out:
        raise StoppedError(
            f"the server of {options.model} sent no reply {rewriting.failures} times in a row ({rewriting.problem}): "
            "what was not rewritten is written in plain words; the same command tries again"
        )
    return 0


def add_instructions(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    one = commands.add_parser("instructions", help="write instructions about the annotated pictures of a benchmark")
    one.description = (
        "Make instructions from categories, boxes and masks, each with the instances it asks for: one, several or "
        "none. Writes train.json, val.json and test.json in the layout of Inst2Seg-Bench. With --endpoint, a language "
        "model rewrites them, and a second request checks that they still ask for the same."
    )
    one.add_argument("benchmark", help="name of the benchmark whose instances are used")
    one.add_argument("--set", action="append", default=[], metavar="NAME.OPTION=VALUE", help="its options")
    one.add_argument("--out", type=Path, required=True, help="folder")
    one.add_argument("--per-picture", type=int, default=8, metavar="N", help="instructions at most (%(default)s)")
    one.add_argument("--limit", type=int, metavar="N", help="only so many pictures")
    one.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    one.add_argument(
        "--splits", default="0.8,0.1,0.1", metavar="SHARES", help="of train, val and test, by picture (%(default)s)"
    )
    one.add_argument(
        "--verify", type=float, default=0.1, metavar="SHARE", help="marked to be verified by hand (%(default)s)"
    )
    one.add_argument("--copy", action="store_true", help="copy the pictures into the folder")
    one.add_argument(
        "--exhaustive", action="store_true", help="every instance of each label is annotated, though no file says so"
    )
    one.add_argument("--endpoint", metavar="URL", help="OpenAI-compatible server of a model that rewrites")
    one.add_argument("--model", metavar="NAME", help="model of the server; its key is read from OPENAI_API_KEY")
    one.add_argument("--rewrite", type=float, default=1.0, metavar="SHARE", help="that is rewritten (%(default)s)")
    one.add_argument("--text-only", action="store_true", help="show the model no pictures, only the list of objects")
    one.add_argument("--concurrency", type=int, default=8, metavar="N", help="pictures at once (%(default)s)")
    one.set_defaults(command=write_instructions)


def _plan(options: argparse.Namespace) -> "Plan":
    from workbench.instructions.writing import Plan

    for name, low, high in (
        ("per_picture", 1, 100),
        ("limit", 1, None),
        ("seed", 0, 2**32 - 1),
        ("concurrency", 1, 256),
    ):
        value = getattr(options, name)
        if value is not None and not (low <= value and (high is None or value <= high)):
            bounds = f"at least {low}" if high is None else f"{low} to {high}"
            raise ConfigurationError(f"--{name.replace('_', '-')} expects a whole number of {bounds}, got {value}")
    for name in ("verify", "rewrite"):
        if not 0 <= getattr(options, name) <= 1:
            raise ConfigurationError(f"--{name} expects a share from 0 to 1, got {getattr(options, name)}")
    return Plan(
        options.per_picture, options.seed, _shares(options.splits), options.verify, options.exhaustive, options.limit
    )


def _shares(text: str) -> tuple[float, float, float]:
    try:
        train, val, test = (float(word) for word in text.split(","))
        fits = min(train, val, test) >= 0 and abs(train + val + test - 1) < 1e-6
    except ValueError:
        fits = False
    if not fits:
        raise ConfigurationError(f"--splits expects three shares that add up to 1, as in 0.8,0.1,0.1, got {text!r}")
    return train, val, test


def _check_empty(out: Path) -> None:
    from workbench.instructions.writing import MANIFEST

    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / MANIFEST).is_file())):
        raise ConfigurationError(f"{out} holds something else than instructions: remove it or choose another --out")


def _rewrite(made: "Made", endpoint: Any, options: argparse.Namespace, about: dict[str, Any]) -> "Rewriting | None":
    from workbench.instructions.rewriting import rewrite

    if endpoint is None:
        return None
    done = rewrite(
        made.entries,
        endpoint,
        share=options.rewrite,
        seed=options.seed,
        pictures=not options.text_only,
        concurrency=options.concurrency,
    )
    about["rewriting"] = {"model": options.model, **dict(sorted(done.outcomes.items()))}
    return done


def _said(manifest: dict[str, Any], out: Path, images: Path, marked: int) -> str:
    """What was written, what was left out, and a command that uses it."""
    from workbench.instructions.objects import DROPPED, REASONS

    lines = [str(out)]
    for split, counts in manifest["splits"].items():
        forms = ", ".join(f"{counts[f'{name}_target']} {word}" for name, word in _FORMS)
        lines.append(f"{split}.json: {counts['instructions']} about {counts['pictures']} pictures ({forms})")
    for what, reasons, sentences in (
        ("pictures", "pictures", DROPPED),
        ("categories of pictures", "categories", REASONS),
    ):
        for reason, number in manifest["left_out"][reasons].items():
            lines.append(f"{what} left out: {number}, because {sentences[reason]}")
    if "rewriting" in manifest:
        from workbench.instructions.rewriting import OUTCOMES

        counted = {name: n for name, n in manifest["rewriting"].items() if name in OUTCOMES}
        lines += [f"{number}: {OUTCOMES[name]}" for name, number in counted.items()]
    if marked:
        verify = out / "verify"
        lines.append(
            f"{marked} are marked to be verified, and drawn in {verify}: workbench demo "
            f"--systems proposed=predictions,instructsam-tiny --set proposed.file={verify / 'proposed.jsonl'} "
            f"--out {verify}"
        )
    filled = [split for split, counts in manifest["splits"].items() if counts["instructions"]]
    lines.append(f"workbench check inst2seg --annotations {out / f'{filled[-1]}.json'} --images {images}")
    return "\n".join(lines)


_FORMS = (("single", "with one target"), ("multi", "with several"), ("no", "with none"))
