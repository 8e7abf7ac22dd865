"""The tiny models of the tests of `e2e`."""

from tests.e2e.conftest import made, predictor, qwen_folder, sam3_folder

__all__ = ["made", "predictor", "qwen_folder", "sam3_folder"]
