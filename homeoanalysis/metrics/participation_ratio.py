"""How many dimensions the responses of a population have."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import population_trials, representations, resampling, synthetic
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.units import Second

_GROUPS = 20
_COVARIANCE = 25 * (0.6 * np.eye(8) + 0.4)


def _made(covariance: np.ndarray, rng: np.random.Generator, conservative: str = "") -> Truth:
    count = synthetic.gaussian_counts(np.full((200, 8), 50.0), covariance, rng)
    whole = covariance + np.eye(8) / 12
    value = np.trace(whole) ** 2 / np.sum(whole**2)
    return Truth(synthetic.counted(count, ["tone"] * 200, rng), float(value), {"end": 0.1}, conservative=conservative)


def _truth(rng: np.random.Generator) -> Truth:
    """Gaussian counts of eight units, any two correlated by 0.4; a whole number has 1/12 of variance more."""
    return _made(_COVARIANCE, rng)


def _null(rng: np.random.Generator) -> Truth:
    """Independent units: as many dimensions as units."""
    return _made(np.diag(np.diag(_COVARIANCE)), rng, "a ratio at its largest hardly varies, as a jackknife thinks that it does")


@metric(
    units="1",
    dims=("epoch",),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval (jackknife of the logarithm over 20 groups of successive trials)"),
        "high": Companion("1", "95 % interval (jackknife of the logarithm over 20 groups of successive trials)"),
        "units": Companion("1", "Units whose counts vary", (0, np.inf)),
    },
    source="(sum of eigenvalues)^2 / sum of their squares of the covariance of counts: Gao et al. 2017, doi:10.1101/214262; both "
    "without the bias of few trials, of Gaussian counts: Srivastava 2005, doi:10.14490/jjss.35.251",
    family="coding",
    scale="relative",
    truth=_truth,
    surrogate=resampling.shuffled_trials,
    null=_null,
)
def participation_ratio(activity: xr.Dataset, *, begin: Second = 0.0, end: Second) -> Mapping[str, Any]:
    """Participation ratio of the counts of trials: 1, units vary as one; as many as units, if alike and independent.

    activity: activity/1 with trials, and spikes or counts in bins of trials. Trials of all stimuli count, so that both what
    they evoke and what varies beside it has dimensions; give one stimulus for noise alone.
    begin, end: [s], of the window, after the start of each trial.
    Returns (epoch), [1]; NaN with fewer than 40 trials, or fewer than 2 units that vary. Units that vary more count more.
    Trials count in which every unit was observed that ever was.
    Raises NotApplicable without spikes and counts, or without trials.
    """
    populations = population_trials.in_epochs(activity, begin, end)
    values = np.full((4, len(populations)), np.nan)
    for e, one in enumerate(populations.values()):
        count = one.spikes.sum(axis=2).astype(float)
        count = count[:, np.ptp(count, axis=0) > 0] if count.size else count
        values[3, e] = count.shape[1]
        if len(count) < 2 * _GROUPS or count.shape[1] < 2:
            continue
        x = np.concatenate([count - count.mean(axis=0), np.ones((len(count), 1))], axis=1)
        whole, group = x.T @ x, np.arange(len(x)) * _GROUPS // len(x)
        value = representations.participation(whole)
        left_out = [representations.participation(whole - x[group == g].T @ x[group == g]) for g in range(_GROUPS)]
        with np.errstate(invalid="ignore"):
            width = np.exp(t_quantile(0.95, _GROUPS - 1) * np.sqrt(_GROUPS - 1) * np.log(left_out).std())
        values[:3, e] = value, value / width, value * width
    named = {f"participation_ratio{key}": row for key, row in zip(("", "_low", "_high", "_units"), values, strict=True)}
    return named | {"coords": {"epoch": list(populations)}}
