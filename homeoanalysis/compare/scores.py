"""Two descriptions beside the verdict: the effect size, and how surprising the target is under the candidate."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.effects import hedges_g
from homeoanalysis.numerics.predictive import predictive_p

Floats = NDArray[np.float64]


def score_candidate(
    target: Sequence[Floats], candidate: Sequence[Floats], scale: str, rng: np.random.Generator
) -> dict[str, float]:
    """Hedges g with its interval (of one group), and the predictive p with the least that it can be.

    target, candidate: the values of subjects (subject,) of each group, as they are compared.
    """
    scores = {}
    if len(target) == 1:
        effect = hedges_g(*([np.array([v]) for v in side[0]] for side in (target, candidate)))
        scores = {"hedges_g": effect.value, "hedges_g_low": effect.low, "hedges_g_high": effect.high}
    p, least = predictive_p(target, candidate, _locator(scale, len(target)), rng)
    return scores | {"predictive_p": p, "predictive_p_least": least}


def _locator(scale: str, n_groups: int) -> Callable[[list[Floats]], Floats]:
    """The contrast's location from the means of its groups."""

    def locate(means: list[Floats]) -> Floats:
        if n_groups == 1:
            return means[0]
        difference = means[1] - means[0]
        return difference / means[0] if scale == "relative" else difference

    return locate
