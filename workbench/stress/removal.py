"""The same question with a target taken out of a picture of any benchmark: noise in its place."""

from dataclasses import replace

import numpy as np

from workbench.data import masks
from workbench.plugins.perturbations import Question, axis
from workbench.stress.meaning import depends_on_company


@axis("Target masked", ("there", "masked"), same_answer=False)
def target_masked(question: Question, level: str, rng: np.random.Generator) -> Question | None:
    """The only target covered with noise: then nothing answers the question.

    Its pixels, and those within 2 % of the picture's side, become noise of the mean and deviation of the picture.
    Questions with another number of targets are left out, and those that compare, count or exclude. The noise can be
    seen, so a system may also answer that it looks masked; on tabletop, `target-removed` takes objects away for good.
    """
    from scipy import ndimage

    sample = question.sample
    if len(sample.targets) != 1 or not sample.has_truth or depends_on_company(sample.instruction):
        return None
    if level == "there":
        return question
    mask = masks.decode(sample.targets[0])
    reach = max(1, round(0.02 * max(mask.shape)))
    covered = np.asarray(ndimage.binary_dilation(mask, iterations=reach))
    mean, deviation = question.image.mean(axis=(0, 1)), question.image.std(axis=(0, 1))
    grain = np.clip(mean + deviation * rng.standard_normal(question.image.shape), 0, 255).astype(np.uint8)
    image = np.where(covered[..., None], grain, question.image)
    empty = replace(sample, targets=(), boxes=(), readings=())
    return Question(empty, image)
