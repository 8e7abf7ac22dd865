"""What checkpoint cards say for comparisons."""

from pathlib import Path

import pytest

from workbench.foundations.cards import card, chosen
from workbench.foundations.sam3.segmenter import TINY

CARD = """---
license: apache-2.0
conditions:
  detector: trained on noun phrases
  threshold: 0.3
  threshold_chosen: chosen on val
  knows: boxes only
  more: of another version
---

# mine
"""


def test_a_card_is_the_head_of_the_readme(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(CARD)
    about = card(tmp_path)
    assert about == {
        "detector": "trained on noun phrases",
        "threshold": 0.3,
        "threshold_chosen": "chosen on val",
        "knows": "boxes only",
    }
    assert chosen(about, 0.3) == "chosen on val"
    assert chosen(about, 0.5) == "set for this run; the checkpoint's own is 0.3"
    assert chosen({}, 0.5) is None and chosen({"threshold_chosen": "by hand"}, 0.5) == "by hand"


@pytest.mark.parametrize(
    "text",
    [
        "# mine\n",
        "---\nconditions: [1]\n---\n",
        "---\n- 1\n---\n",
        "---\n{:\n---\n",
        "---\nconditions:\n  detector: 7\n",
    ],
)
def test_a_readme_without_a_card_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text)
    assert card(tmp_path) == {}
    assert card(tmp_path / "nowhere") == card("hub/name") == {}


def test_the_shipped_segmenter_states_its_threshold_and_that_it_saw_no_instruction() -> None:
    about = card(TINY)
    assert about["threshold"] == 0.3 and "no instruction" in about["detector"]
    assert about["training"] and about["threshold_chosen"].startswith("chosen on val")
