"""InstructSAM: `InstructSAM.from_pretrained(NAME_OR_FOLDER)` loads a checkpoint; see docs/instructsam.md."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e2e.instructsam.model import InstructSAM

__all__ = ["InstructSAM"]


def __getattr__(name: str) -> Any:
    """Import the model class when it is first used, so that listing the recipe and the systems does not import
    torch.
    """
    if name == "InstructSAM":
        from e2e.instructsam.model import InstructSAM

        return InstructSAM
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
