"""What went into a run, as kept in `manifest.json`."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field

from workbench.data.conditions import Conditions
from workbench.data.prices import Prices
from workbench.data.records import Record, Time, check_version

VERSION: Final = 2
"""Of the layout. Files of workbench 0.1.0 have none: they are upgraded when they are loaded."""


def _below(name: str) -> str:
    """A name that is used as the name of a folder in the run folder."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError(f"the name {name!r} leads out of the run folder")
    return name


FolderName = Annotated[str, AfterValidator(_below)]
Identity = dict[str, Any]
"""What the answers of a system, or the samples of a benchmark, depend on: whatever its plugin says, in JSON types."""


class GitState(Record):
    """The checkout that the bench ran from; both fields are None outside git."""

    commit: str | None
    """Full hash of the commit."""
    dirty: bool | None
    """Whether there were uncommitted changes."""


class Machine(Record):
    """The machine that the systems ran on."""

    cpu: str
    """Name of the processor."""
    cores: int | None
    """Cores that the process could use."""
    memory_gb: float
    """Main memory in GB."""
    platform: str
    """Operating system and its version."""
    gpus: list[str]
    """Names of the NVIDIA GPUs."""


class BenchmarkEntry(Record):
    """The benchmark of a run."""

    name: FolderName
    """Name of the benchmark, and of its folder in the run folder."""
    protocol: str
    """Name of the metric protocol that scores it."""
    identity: Identity
    """What its samples depend on."""
    image_root: str
    """Folder that the image paths of the samples are relative to; itself relative to the run folder, if in it."""
    remarks: list[str] = Field(default_factory=list)
    """What its reader left out or mended in its files."""


class RunOptions(Record):
    """The options of `workbench compare`; options of later versions are kept as they are."""

    model_config = ConfigDict(extra="allow")

    limit: int | None = None
    """How many samples were asked; None: all."""
    sample: Literal["first", "random"] = "first"
    """Whether these were the first samples, or random ones by the seed."""
    mode: Literal["latency", "throughput"] = "latency"
    """Whether samples were timed alone, or given to the systems in batches."""
    seed: int = 0
    """Seed of all random generators."""
    time_limit: float | None = None
    """Seconds that a sample may take; None: any."""
    repeats: int = 0
    """How often samples were asked again in turns, to compare times."""
    prices: Prices | None = None
    """What seconds and tokens cost; None: not said."""
    budget: float | None = None
    """What all answers may cost, in the currency of the prices; None: any."""
    shard: str | None = None
    """The part of the samples that was asked, as `3/8`; None: all."""
    set: list[str] = Field(default_factory=list)
    """Assignments `NAME.OPTION=VALUE` of options of systems and of the benchmark."""
    oracles: bool | list[str] = False
    """Parts that were replaced by the truth; True: all that the systems have."""
    frontier: str | None = None
    """The system that all systems of the run are variants of (`workbench frontier`); None for any other run."""
    commands: list[str] = Field(default_factory=list)
    """The commands of a run that was not made by one `workbench compare`."""
    makers: dict[str, str] = Field(default_factory=dict)
    """For systems that are no plugin of their own name: the plugin's, or `python:MODULE.FUNCTION`."""


class ShardEntry(Record):
    """Where a part of a run was made that was joined from parts."""

    shard: str
    """Which part, as `3/8`."""
    created: Time
    """When it was started first."""
    machine: Machine
    """The machine that it ran on."""
    git: GitState
    """The checkout that it ran from."""
    versions: dict[str, str | None]
    """Versions of Python and of the packages that decide results."""


class PlannedOracle(Record):
    """A system with one part replaced by the truth."""

    system: str
    """Name of the system."""
    oracle: str
    """The part, a key of `workbench.scoring.oracles.ORACLES`."""
    identity: Identity | None
    """Identity of the system that runs for it; None where it is computed from the system's answers."""
    note: str | None
    """Why the benchmark does not allow this oracle, else None."""


class Manifest(Record):
    """Everything that a run's results depend on."""

    version: Literal[2] = VERSION
    """Version of the layout of this file."""
    name: str
    """Name of the run: that of its folder when it was made."""
    created: Time
    """When the run was started first."""
    versions: dict[str, str | None]
    """Versions of Python and of the packages that decide results; None for one that was not installed."""
    git: GitState
    """The checkout that the bench ran from."""
    machine: Machine
    """The machine that the systems ran on."""
    benchmark: BenchmarkEntry
    """The benchmark, its protocol and what its samples depend on."""
    systems: dict[FolderName, Identity]
    """Identity of each system by name, in the order they were given."""
    conditions: dict[FolderName, Conditions] = Field(default_factory=dict)
    """How systems were made and set up, as far as they say it; not part of their identity."""
    options: RunOptions
    """The options of the comparison."""
    oracles: dict[FolderName, PlannedOracle] = Field(default_factory=dict)
    """The runs and computations that show what a perfect part would gain, by name `SYSTEM+PART`."""
    shards: list[ShardEntry] = Field(default_factory=list)
    """Where the parts of a run were made that was joined by `workbench merge`."""


def read_manifest(value: object, where: str) -> Manifest:
    """The manifest from the JSON value of a file; a manifest of an older version is upgraded.

    Raises `ConfigurationError` that names the file `where` and the field for anything that is not a manifest.
    """
    check_version(value, VERSION, where)
    if isinstance(value, Mapping) and "version" not in value and value:
        value = {"version": VERSION, **value}  # of workbench 0.1.0: the same but for the version
    return Manifest.from_json(value, where)
