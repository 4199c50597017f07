"""How well one trial of a population tells two stimuli apart, by the best linear read-out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import discrimination, population_trials, resampling, synthetic
from homeoanalysis.units import Second

_DIFFERENCE = np.array([6.0, 4, 0, -3, 2, 0])
_COVARIANCE = 25 * (0.7 * np.eye(6) + 0.3)


def _truth(rng: np.random.Generator) -> Truth:
    """Gaussian counts of six correlated units; a whole number has 1/12 of variance more. Halves of so many trials agree."""
    label = rng.permutation(np.repeat([0, 1], 160))
    count = synthetic.gaussian_counts(50 + label[:, None] * _DIFFERENCE, _COVARIANCE, rng)
    whole = _COVARIANCE + np.eye(6) / 12
    value = float(_DIFFERENCE @ np.linalg.solve(whole, _DIFFERENCE))
    shuffled = float(np.sum(_DIFFERENCE**2 / np.diag(whole)))
    return Truth(synthetic.counted(count, [f"stimulus {k}" for k in label], rng), value, {"end": 0.1}, {"shuffled": shuffled})


@metric(
    units="1",
    dims=("epoch",),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval (noncentral F)", (0, np.inf)),
        "high": Companion("1", "95 % interval (noncentral F)", (0, np.inf)),
        "p": Companion("1", "Hotelling's test of equal means", (0, 1)),
        "shuffled": Companion("1", "The same if units had no noise correlations"),
        "units": Companion("1", "Units that fire otherwise than always the same", (0, np.inf)),
        "trials": Companion("1", "Trials of the two stimuli", (0, np.inf)),
    },
    source="Kanitscheider et al. 2015, doi:10.1371/journal.pcbi.1004218, bias-corrected; interval and p: Hotelling 1931, "
    "doi:10.1214/aoms/1177732979",
    family="coding",
    scale="relative",
    truth=_truth,
    surrogate=resampling.permuted_labels,
    # Neither end of the interval can lie below 0, so that where there is no information one tail of 2.5 % alone can miss it.
    null=surrogate_of(_truth, resampling.permuted_labels, 0.0, conservative="no interval ends below 0, which is the truth"),
)
def linear_fisher_information(
    activity: xr.Dataset, *, begin: Second = 0.0, end: Second, stimuli: population_trials.Two | None = None
) -> Mapping[str, Any]:
    """Linear Fisher information of spike counts, per squared difference of two stimuli: d'^2 of the population.

    activity: activity/1 with trials, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial. stimuli: the two; by default, those that there are.
    Returns (epoch), [1]; its mean is 0 where stimuli do not differ, so that it can be negative. NaN, with the reason in the
    coordinate `reason`, with fewer than 4 trials of a stimulus, or fewer trials than units and 4: take fewer units, or decode
    (`decoding_accuracy`). Trials count in which every unit was observed that ever was.
    Raises NotApplicable without spikes and counts, or without trials.
    """
    populations = population_trials.in_epochs(activity, begin, end)
    keys = ("", "_low", "_high", "_p", "_shuffled", "_units", "_trials")
    values = np.full((len(keys), len(populations)), np.nan)
    reasons = []
    for e, one in enumerate(populations.values()):
        (first, second), why = population_trials.of_two(one, stimuli)
        varies = (np.ptp(first, axis=0) > 0) | (np.ptp(second, axis=0) > 0) if not why else np.zeros(one.unit.size, bool)
        trials, units = len(first) + len(second), int(varies.sum())
        if not why and (units == 0 or trials < units + 4):
            why = f"{trials} trials, {units} units" if units else "no unit varies"
        reasons.append(why)
        values[5:, e] = units, trials
        if not why:
            first, second = first[:, varies], second[:, varies]
            values[:4, e] = discrimination.fisher_information(first, second)
            values[4, e] = discrimination.shuffled_fisher_information(first, second)
    named = {f"linear_fisher_information{key}": row for key, row in zip(keys, values, strict=True)}
    return named | {"coords": {"epoch": list(populations), "reason": ("epoch", reasons)}}
