"""Benchmarks of third parties are checked and scored from files as ours are."""

import json
from pathlib import Path

import pytest

from tests.conftest import Install
from workbench.benchmarks.from_files import reader_of
from workbench.cli.main import main
from workbench.data.errors import ConfigurationError
from workbench.plugins import registry
from workbench.plugins.interfaces import file_reader

PARTY = '''
import json
from pathlib import Path

from workbench.data.masks import from_annotation
from workbench.data.remarks import Remark
from workbench.data.samples import Sample


class Csv:
    """One line a sample: phrase, height, width, and runs of the mask."""

    name = "csv"

    def __init__(self, annotations, protocol):
        self.annotations, self.protocol = Path(annotations), protocol

    def identity(self):
        return {"file": self.annotations.name}

    def image_root(self):
        return self.annotations.parent

    def remarks(self):
        return [Remark(self.annotations, "line 9 has a comma too many")]

    def samples(self):
        for i, line in enumerate(self.annotations.read_text().splitlines()):
            phrase, height, width, *runs = line.split(",")
            mask = {"size": [int(height), int(width)], "counts": [int(run) for run in runs]}
            mask = from_annotation(mask, int(height), int(width), f"line {i}")
            yield Sample(f"row-{i}", "a.png", self.image_root() / "a.png", int(width), int(height), phrase, (mask,))


def csv(annotations: str = "data.csv", protocol: str = "reasonseg/lisa") -> Csv:
    """Masks in a CSV file."""
    return Csv(annotations, protocol)


def generated(seed: int = 0) -> Csv:
    """Reads nothing."""
    raise NotImplementedError
'''
MARKED = (
    PARTY
    + """

from workbench.plugins.interfaces import reads_files

csv = reads_files("tide", "mine/one", recognises=lambda path: path.suffix == ".csv")(csv)
"""
)
COMMAND = ["score", "--annotations", "a.csv", "--predictions", "p.jsonl", "--json"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("cup,2,3,1,2,3\nbowl,2,2,0,4\n")
    masks = [{"size": [2, 3], "counts": [1, 2, 3]}, {"size": [2, 2], "counts": [0, 4]}]
    answers = [{"sample_id": f"row-{i}", "instances": [{"mask": mask, "score": 1}]} for i, mask in enumerate(masks)]
    Path("p.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    return tmp_path


def party(install: Install, source: str = PARTY) -> None:
    install("party", {"benchmarks": {"csv": "party_csv:csv", "made": "party_csv:generated"}}, {"party_csv": source})


def test_any_benchmark_with_an_option_annotations_is_checked_and_scored(
    place: Path, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    party(install)
    assert main([*COMMAND, "--protocol", "inst2seg", "--benchmark", "csv"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["samples"], found["metrics"]["gIoU"]) == (2, 1.0)
    assert found["remarks"] == ["a.csv: line 9 has a comma too many"]
    assert "csv: a.csv: line 9 has a comma too many" in said.err
    assert main(["check", "csv", "--annotations", "a.csv"]) == 1
    assert "a.csv: line 9 has a comma too many\ncsv: 2 samples, 2 usable" in capsys.readouterr().out


def test_a_protocol_that_several_benchmarks_declare_goes_by_the_file(
    place: Path, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    party(install, MARKED)
    assert main([*COMMAND, "--protocol", "tide"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 2
    assert reader_of("mine/one", Path("a.csv")) == "csv"
    Path("a.json").write_text(" [ ]")
    assert reader_of("tide", Path("a.json")) == "inst2seg"
    Path("b.csv").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"coco, csv, inst2seg read files for tide, and b\.csv does not tell"):
        reader_of("tide", Path("b.csv"))


def test_the_usual_protocol_of_a_benchmark_needs_no_declaration(place: Path, install: Install) -> None:
    party(install)
    with pytest.raises(ConfigurationError, match="csv, reasonseg read files for reasonseg/lisa"):
        reader_of("reasonseg/lisa", Path("a.csv"))
    with pytest.raises(ConfigurationError, match="no benchmark says that it reads files for mine/two: name one with"):
        reader_of("mine/two", Path("a.csv"))


def test_a_benchmark_that_reads_no_files_says_so(
    place: Path, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    party(install)
    for command in (
        [*COMMAND, "--protocol", "tide", "--benchmark", "made"],
        ["check", "made", "--annotations", "a.csv"],
    ):
        assert main(command) == 2
        assert "benchmark made is not read from files: it has no option `annotations`" in capsys.readouterr().err


def test_every_protocol_of_ours_finds_its_reader(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    for plugin in registry.plugins("metrics"):
        name = reader_of(plugin.name, tmp_path / "a.json")
        assert file_reader(registry.load("benchmarks", name)) is not None
        assert name == ("coco" if plugin.name in ("coco/ap", "tide") else plugin.name.partition("/")[0])
