"""How a benchmark says that it is read from files."""

from pathlib import Path

from workbench.plugins.interfaces import file_reader, reads_files


def named(path: Path) -> bool:
    return path.suffix == ".csv"


@reads_files("mine/one", recognises=named, skips_missing_images=["mine/one"])
def marked(annotations: str = "a.csv", protocol: str = "inst2seg") -> None:
    """Reads a table."""


def test_a_reader_has_its_protocols_and_the_usual_one() -> None:
    reader = file_reader(marked)
    assert reader is not None
    assert reader.protocols == ("mine/one", "inst2seg")
    assert reader.skips_missing_images == ("mine/one",)
    assert reader.recognises is named


def test_an_option_annotations_is_enough() -> None:
    def plain(annotations: str, protocol: str = "tide") -> None:
        """Reads a file."""

    reader = file_reader(plain)
    assert reader is not None and reader.protocols == ("tide",)


def test_a_benchmark_without_that_option_reads_no_files() -> None:
    def generated(seed: int = 0, protocol: str = "tide") -> None:
        """Draws scenes."""

    assert file_reader(generated) is None
