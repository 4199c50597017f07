"""Whether a population answers the same stimuli as it did before: drift of rates and of tuning."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, EpochName, Truth, metric, surrogate_of
from homeoanalysis.numerics import population_trials, representations, resampling, synthetic
from homeoanalysis.units import Second

_RATE, _TUNING = 0.9, 0.5  # correlations between the epochs
_PARTS = {
    "": representations.vector_moments,
    "_rate": representations.rate_moments,
    "_tuning": representations.tuning_moments,
}


def _truth(rng: np.random.Generator) -> Truth:
    """50 Poisson units of rates that are correlated by 0.9 between the epochs (spread 6), and tuning by 0.5 (spread 5)."""
    before, after = [], []
    for spread, kept, size in ((6, _RATE, (1, 50)), (5, _TUNING, (6, 50))):
        x, y = rng.normal(size=(2, *size))
        before.append(spread * x)
        after.append(spread * (kept * x + np.sqrt(1 - kept**2) * y))
    label = np.concatenate([rng.permutation(np.repeat(np.arange(6), 36)) for _ in range(2)])
    mean = np.stack([np.maximum(40 + sum(part), 0) for part in (before, after)])
    count = rng.poisson(mean[np.repeat([0, 1], 216), label])
    made = synthetic.in_two_epochs(synthetic.counted(count, [f"stimulus {k}" for k in label], rng))
    # The mean over six stimuli of the tuning is a rate; what is left of the tuning is tuning.
    rate = (36 * _RATE + 25 / 6 * _TUNING) / (36 + 25 / 6)
    value = (36 * _RATE + 25 * _TUNING) / (36 + 25)
    return Truth(made, value, {"end": 0.1}, {"rate": rate, "tuning": _TUNING})


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval over units of this replicate (jackknife of Fisher's z)"),
        "high": Companion("1", "95 % interval over units of this replicate (jackknife of Fisher's z)"),
        "rate": Companion("1", "Correlation over units of mean responses: 1, no drift of rates"),
        "rate_low": Companion("1", "95 % interval over units of this replicate (jackknife of Fisher's z)"),
        "rate_high": Companion("1", "95 % interval over units of this replicate (jackknife of Fisher's z)"),
        "tuning": Companion("1", "Correlation over stimuli of responses less their unit's mean: 1, no drift of tuning"),
        "tuning_low": Companion("1", "95 % interval over units of this replicate (jackknife of Fisher's z)"),
        "tuning_high": Companion("1", "95 % interval over units of this replicate (jackknife of Fisher's z)"),
        "uncorrected": Companion("1", "Correlation of mean responses as they are, noise and all", (-1, 1)),
        "units": Companion("1", "Units observed in both epochs", (0, np.inf)),
        "lost": Companion("1", "Units observed in the baseline only", (0, np.inf)),
    },
    source="correlation over units and stimuli of mean responses, with the variances without what trial noise adds (Spearman "
    "1904, all splits); rate and tuning apart: Deitch et al. 2021, doi:10.1016/j.cub.2021.07.062",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.swapped_units,
    null=surrogate_of(_truth, resampling.swapped_units, np.nan),
    no_worst_case="units that have each other's responses share what is common to all",
)
def population_vector_correlation(
    activity: xr.Dataset,
    *,
    begin: Second = 0.0,
    end: Second,
    baseline: EpochName = "baseline",
    recovery: EpochName = "recovery",
) -> Mapping[str, Any]:
    """Correlation of the population's mean responses in two epochs, corrected for their reliability.

    activity: activity/1 with trials of two stimuli or more in both named epochs, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial.
    Returns a scalar [1]: 1, nothing has changed but for noise, which can make it exceed 1. To be held against the same of two
    epochs before the perturbation. NaN with fewer than 4 units observed in both, below 4 trials of a stimulus in either, for
    other stimuli in either, or where responses differ by no more than their noise.
    Raises NotApplicable without spikes and counts, without trials, or without one of the epochs.
    """
    before, after, lost = population_trials.of_both(activity, begin, end, baseline, recovery)
    values: dict[str, Any] = {"_uncorrected": np.nan, "_units": float(before.unit.size), "_lost": float(lost)}
    values |= {f"{part}{end}": np.nan for part in _PARTS for end in ("", "_low", "_high")}
    if before.unit.size >= 4 and population_trials.are_alike(before, after):
        two = [representations.means(one.spikes.sum(axis=2).astype(float), one.stimulus) for one in (before, after)]
        mean = representations.drift_columns(*two).mean(axis=0)
        values["_uncorrected"] = np.corrcoef(two[0][0].ravel(), two[1][0].ravel())[0, 1]
        for part, moments in _PARTS.items():
            values[part] = float(representations.correlation(moments(mean)))
            if np.isfinite(values[part]):
                values[f"{part}_low"], values[f"{part}_high"] = representations.correlation_interval(moments, *two)
    return {f"population_vector_correlation{key}": value for key, value in values.items()} | {"coords": {}}
