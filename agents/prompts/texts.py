"""The texts that the agent sends, in versions. A version with results must never change; make a new version instead."""

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib import import_module

from workbench.data.errors import ConfigurationError

VERSIONS = {"full-v1": "agents.prompts.full_v1", "tiny-v1": "agents.prompts.tiny_v1"}


@dataclass(frozen=True)
class Prompts:
    """Every text of one version, as templates for `str.format`; a text that comes out empty is not sent.

    Fields in braces: `query` the instruction, `used` the phrases that cannot be used again, `count` the number of masks
    shown, `phrase` the phrase of the last call, `kind` and `problem` of a mistake.
    """

    version: str
    system: str
    """Of the main conversation."""
    query: str
    query_used: str
    """The first user text once phrases are used up: query, used."""
    masks_shown: str
    """After a phrase that found masks: query, count."""
    no_masks: str
    """After a phrase that found none: query, phrase."""
    duplicate: str
    """After a phrase that was used before: phrase, used."""
    duplicate_shown: str
    """The same while masks can be selected, which are shown again: phrase, used, count."""
    masks_moved: str
    """Stands in for the picture of the masks once they have been examined."""
    masks_left: str
    """After a check that left masks: query, count."""
    none_left: str
    """After a check that rejected all: query."""
    mask_line: str
    """Describes one mask: number, x and y of its centre on an 8 x 8 grid (0 to 7), size (a letter), percent (of the
    image)."""
    mistake: str
    """After a reply that cannot be carried out: kind, problem."""
    checking: str
    """System text of a mask check."""
    check_image: str
    check_query: str
    check_mask: str
    check_zoom: str
    """The labels of a mask check, before the raw image, for the query, before the mask, before the zoomed pair."""
    verdict_mistake: str
    """After a check without a readable verdict: problem."""

    def digest(self) -> str:
        """First 16 hex digits of SHA-256 over all texts."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def load(version: str) -> Prompts:
    """The texts of a version; raises `ConfigurationError` for one that does not exist."""
    if version not in VERSIONS:
        raise ConfigurationError(f"prompts: no version {version!r}; there are {', '.join(VERSIONS)}")
    prompts: Prompts = import_module(VERSIONS[version]).PROMPTS
    return prompts
