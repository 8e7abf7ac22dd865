"""Checkpoint folders: their digest, their files, and the tensors they must have."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.workbench.foundations.hub_cache import COMMIT, OLDER, cache
from workbench.data.errors import ConfigurationError
from workbench.foundations.checkpoints import check_tensors, digest, find, locate, tensor_shapes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    made.mkdir()
    save_file({"a.weight": torch.zeros(2, 3), "b.bias": torch.ones(4)}, made / "model.safetensors")
    (made / "config.json").write_text("{}")
    return made


def test_the_digest_follows_weights_and_configuration_and_not_the_place(folder: Path) -> None:
    first = digest(folder)
    moved = folder.rename(folder.with_name("moved"))
    assert digest(moved) == first
    (moved / "config.json").write_text('{"a": 1}')
    second = digest(moved)
    save_file({"a.weight": torch.ones(2, 3)}, moved / "model.safetensors")
    assert len({first, second, digest(moved)}) == 3


def test_a_name_of_the_hub_stands_for_itself_and_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert digest("owner/model") == "hub:owner/model"
    with pytest.raises(ConfigurationError, match="checkpoint folder not found"):
        digest(tmp_path / "none")


def test_a_folder_with_a_pickle_alone_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ConfigurationError, match=r"pytorch_model\.bin is a pickle, which is never loaded"):
        locate(tmp_path)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"a.weight": (2, 3), "b.bias": (4,), "c": (1,)}, "missing: c"),
        ({"a.weight": (3, 2), "b.bias": (4,)}, r"misshapen: a\.weight is \[2, 3\], expected \[3, 2\]"),
        ({"a.weight": (2, 3)}, r"unexpected: b\.bias"),
    ],
)
def test_tensors_that_do_not_fit_are_named(folder: Path, expected: dict[str, tuple[int, ...]], said: str) -> None:
    assert tensor_shapes(folder) == {"a.weight": (2, 3), "b.bias": (4,)}
    with pytest.raises(ConfigurationError, match=said):
        check_tensors(folder, expected, frozenset())


def test_tensors_that_may_be_there_are_no_problem(folder: Path) -> None:
    check_tensors(folder, {"a.weight": (2, 3)}, {"b.bias"})


def test_a_hub_name_is_found_in_the_cache_with_its_commit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache("owner/model", folder, tmp_path / "hub", monkeypatch)
    found = find("owner/model")
    assert (found.name, found.revision) == ("owner/model", COMMIT)
    assert found.digest == f"hub:owner/model@{COMMIT}"
    assert (found.folder / "model.safetensors").exists()
    assert find("owner/model", OLDER).digest == f"hub:owner/model@{OLDER}"
    with pytest.raises(ConfigurationError, match=r"owner/model is neither .* at revision none: "):
        find("owner/model", "none")
    with pytest.raises(ConfigurationError, match=r"Fill the cache beforehand, .* `hf download owner/other`"):
        find("owner/other")


def test_a_folder_is_found_by_its_content_and_has_no_revision(folder: Path) -> None:
    found = find(folder)
    assert (found.name, found.revision, found.digest) == (folder.name, "", digest(folder))
    with pytest.raises(ConfigurationError, match="only a hub name has revisions"):
        find(folder, "main")


def test_a_gated_model_says_how_to_get_access(monkeypatch: pytest.MonkeyPatch) -> None:
    class GatedRepoError(Exception):
        pass

    def refuse(*_: object, **__: object) -> None:
        raise GatedRepoError("403")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(ConfigurationError, match=r"ask for access on https://huggingface.co/a/b, then log in"):
        find("a/b")
