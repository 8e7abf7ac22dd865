"""Published numbers: what is in the file is what the sources say, and a broken file is refused by its place."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from reports.text.published import Published, published, read
from workbench.data.errors import ConfigurationError

TABLE: dict[str, Any] = {
    "source": "a paper, table 1",
    "benchmark": "gseval",
    "protocol": "gseval/official",
    "columns": [{"split": "eval", "metric": "gIoU"}, {"split": "eval", "metric": "N_acc", "unit": "fraction"}],
    "rows": {"A": [41.5, 0.5], "B": [7, "-"]},
}


def numbers(benchmark: str, system: str, **of: Any) -> dict[str, float]:
    return {
        n.metric: n.value
        for n in published(benchmark)
        if n.system == system and all(getattr(n, key) == value for key, value in of.items())
    }


def test_values_are_fractions_of_the_numbers_in_the_sources() -> None:
    agent = numbers("reasonseg", "SAM3 agent, Gemini 2.5 Pro", split="test", kind="short")
    assert agent == pytest.approx({"gIoU": 0.758, "cIoU": 0.675})
    assert numbers("reasonseg", "GLaMM", split="test") == {}
    assert numbers("grefcoco", "GSVA-7B, fine-tuned", split="testB") == pytest.approx(
        {"gIoU": 0.6220, "cIoU": 0.6035, "N_acc": 0.6072, "T_acc": 0.9910}
    )
    assert numbers("grefcoco", "ReLA, Swin-B") == pytest.approx({"cIoU": 0.6242, "gIoU": 0.6360})
    assert numbers("gseval", "EVF-SAM", kind="part") == pytest.approx({"gIoU": 0.231})
    agent = numbers("refcoco", "SAM3 agent, Qwen3-VL-8B-Thinking", split="testB", data_set="refcoco+ (unc)")
    assert agent == pytest.approx({"cIoU": 0.556})
    assert numbers("refcoco", "LAVT", split="val", data_set="refcocog (google)") == pytest.approx(
        {"oIoU": 0.6050, "mIoU": 0.6366}
    )
    assert numbers("saco", "SAM3") == pytest.approx({"cgF1": 0.5406, "IL_MCC": 0.82, "pmF1": 0.6611})
    assert numbers("omnilabel", "FIBER-B")["AP_descr_pos"] == pytest.approx(0.348)
    assert numbers("d3", "APE-L (D)", split="inter")["AP_abs"] == pytest.approx(0.179)
    assert numbers("mmr", "M2SA-13B, given the reference answer", split="test_part_only") == pytest.approx(
        {"gIoU": 0.136, "cIoU": 0.272}
    )


def test_every_number_is_told_once_and_has_a_source() -> None:
    found = read()
    assert len(found) == 187 + 78 + 18 + 133
    assert len({(n.benchmark, n.data_set, n.system, n.split, n.kind, n.metric) for n in found}) == len(found)
    known = {"reasonseg", "refcoco", "grefcoco", "gseval", "saco", "omnilabel", "d3", "mmr"}
    assert {n.benchmark for n in found} == known
    assert {n.kind for n in found} == {None, "short", "long", "stuff", "part", "multi", "single"}
    assert all(n.source and 0 < n.value < 1 for n in found)


def test_a_benchmark_without_published_numbers() -> None:
    assert published("tabletop") == []


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "numbers.yaml"
    path.write_text(yaml.safe_dump([TABLE]))
    where = ("gseval", "eval", None)
    protocol = ("gseval/official", "a paper, table 1")
    assert published("gseval", path) == [
        Published(0.415, "A", *where, "gIoU", *protocol),
        Published(0.5, "A", *where, "N_acc", *protocol),
        Published(0.07, "B", *where, "gIoU", *protocol),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": {"A": [41.5]}}, "table 0: A: expected 2 values"),
        ({"rows": {"A": [141.5, 0.5]}}, "table 0: A: gIoU: expected a number from 0 to 100, got 141.5"),
        ({"rows": {"A": [41.5, 50]}}, "table 0: A: N_acc: expected a number from 0 to 1, got 50"),
        ({"rows": {"A": ["41.5", 0.5]}}, "expected a number from 0 to 100, got '41.5'"),
        ({"rows": {"A": [float("nan"), 0.5]}}, "expected a number from 0 to 100, got nan"),
        ({"columns": [{"metric": "gIoU"}]}, "table 0: column 0: expected split and metric"),
        ({"columns": [{"split": "x", "metric": "gIoU", "unit": "ppm"}]}, "expected the unit percent or fraction"),
        ({"source": ""}, "table 0: source: expected a text"),
        ({"protocol": 7}, "table 0: protocol: expected a text"),
        ({"more": 1}, "table 0: expected the keys"),
    ],
)
def test_a_table_in_another_layout_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "numbers.yaml"
    path.write_text(yaml.safe_dump([TABLE | change]))
    with pytest.raises(ConfigurationError) as refused:
        read(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)


@pytest.mark.parametrize("text", ["- [", "7", "- 7", "- !!set {a}", "&a [*a]", "- " + "9" * 5000, "\0"])
def test_a_file_without_tables_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "numbers.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"numbers\.yaml"):
        read(path)
