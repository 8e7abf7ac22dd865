"""Image features of SAM3's vision encoder, computed once for an image."""

from dataclasses import dataclass

from torch import Tensor
from transformers import Sam3VisionModel


@dataclass(frozen=True)
class VisionFeatures:
    """The feature pyramid of B images, finest first: `features[i]` and `positions[i]` are `[B, C, h_i, w_i]`."""

    features: tuple[Tensor, ...]
    positions: tuple[Tensor, ...]

    def select(self, image_index: Tensor) -> "VisionFeatures":
        """The features of the image of each phrase; `image_index: [P]`."""
        if len(self.features[0]) == 1:
            count = len(image_index)
            return VisionFeatures(
                tuple(x.expand(count, -1, -1, -1) for x in self.features),
                tuple(x.expand(count, -1, -1, -1) for x in self.positions),
            )
        return VisionFeatures(
            tuple(x[image_index] for x in self.features), tuple(x[image_index] for x in self.positions)
        )


def see(vision_encoder: Sam3VisionModel, pixels: Tensor) -> VisionFeatures:
    """The features that the vision encoder computes from `pixels: [B, 3, S, S]`, without its coarsest level."""
    out = vision_encoder(pixels)
    return VisionFeatures(tuple(out.fpn_hidden_states[:-1]), tuple(out.fpn_position_encoding[:-1]))
