"""`workbench make-checkpoint`: checkpoints with random weights, to rehearse with."""

import argparse
import time
from pathlib import Path

from workbench.data.errors import ConfigurationError
from workbench.foundations.sam3.shapes import SHAPES

INSTRUCTSAM, SAM3, QWEN = "instructsam", "sam3", "qwen"
PRECISIONS = ("bfloat16", "float32", "float16")


def add_make_checkpoint(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Write a checkpoint with random weights, for a rehearsal before the published ones are there."""
    command = commands.add_parser("make-checkpoint", help="write a checkpoint with random weights, to rehearse with")
    command.description = (
        "Write a checkpoint with random weights, for rehearsals and measurements of speed and memory; nothing is "
        "downloaded. `full` has the size of the published one. `middle` has its vocabulary, slots, picture of 1008 px "
        "and detector, and small encoders. InstructSAM's writes one phrase about any picture, with masks of noise."
    )
    command.add_argument(
        "shape", choices=SHAPES, help="middle: 0.15 GiB (SAM3 and Qwen3-VL 0.1); full: 4.8 GiB (1.6 and 4.0)"
    )
    command.add_argument("out", type=Path, metavar="DIR", help="folder, new or empty")
    command.add_argument(
        "--model",
        choices=(INSTRUCTSAM, SAM3, QWEN),
        default=INSTRUCTSAM,
        help="(%(default)s); stage 1 starts from the other two",
    )
    command.add_argument("--dtype", choices=PRECISIONS, default="bfloat16", help="of the weights (%(default)s)")
    command.add_argument("--seed", type=int, default=0, help="of the weights (%(default)s)")
    command.set_defaults(command=make_checkpoint)


def make_checkpoint(options: argparse.Namespace) -> int:
    """Write it, and print the folder, the size and the seconds."""
    from workbench.runs.files import check_writable

    out: Path = options.out
    if out.is_dir() and any(out.iterdir()):
        raise ConfigurationError(f"{out} is not empty: expected a new or empty folder, whose files nothing replaces")
    check_writable(out)
    begun = time.perf_counter()
    if options.model == SAM3:
        from workbench.foundations.sam3.shapes import write_random as write
    elif options.model == QWEN:
        from e2e.instructsam.shapes import write_language_model as write
    else:
        from e2e.instructsam.shapes import write_random as write
    size = write(options.shape, out, options.dtype, options.seed)
    seconds = time.perf_counter() - begun
    print(f"{out}: {options.model} {options.shape}, {size / 2**30:.2f} GiB in {options.dtype}, {seconds:.0f} s")
    return 0
