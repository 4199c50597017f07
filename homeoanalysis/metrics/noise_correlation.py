"""How much the units of a population vary together from trial to trial of the same stimulus."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import population_trials, resampling, synthetic
from homeoanalysis.numerics import trial_correlations as correlations
from homeoanalysis.units import Second

_TUNING = np.array([[0.0, 4, 8, 4], [0, 4, 8, 4], [0, 8, 4, 4], [8, 4, 4, 0], [4, 4, 0, 8], [0, 0, 0, 0]]).T

_MOST_LEFT = 0.5  # drift over the standard error of the correlation, above which fewer than 92 % of intervals would cover


def _truth(rng: np.random.Generator) -> Truth:
    """Gaussian counts of six units, any two correlated by 0.3 (variance 25 + 1/12), tuned, in a common drift.

    The drift is half as wide as the noise.
    """
    label = rng.permutation(np.repeat(np.arange(4), 75))
    drift = 2.5 * np.sin(2 * np.pi * (np.arange(300) / 300 + rng.uniform()))
    count = synthetic.gaussian_counts(50 + _TUNING[label] + drift[:, None], 25 * (0.7 * np.eye(6) + 0.3), rng)
    made = synthetic.counted(count, [f"stimulus {k}" for k in label], rng)
    evoked = _TUNING / np.sqrt(_TUNING.var(axis=0) + 3.125 + 25 + 1 / 12)
    own = evoked.var(axis=0).sum()
    value = float(synthetic.correlation_within(np.asarray(7.5 / (25 + 1 / 12)), correlations.OUTLIER))
    return Truth(made, value, {"end": 0.1}, {"signal": (evoked.sum(axis=1).var() - own) / (5 * own)})


@metric(
    units="1",
    dims=("epoch",),
    bounds=(-1, 1),
    companions={
        "low": Companion("1", "95 % interval (jackknife over 20 groups of successive trials)"),
        "high": Companion("1", "95 % interval (jackknife over 20 groups of successive trials)"),
        "with_drift": Companion("1", "The same with slow drift left in", (-1, 1)),
        "signal": Companion("1", "Correlation of what stimuli evoke in two units, less what noise adds"),
        "units": Companion("1", "Units whose counts vary", (0, np.inf)),
    },
    source="correlation of z-scored counts, without outliers beyond 3 deviations: Cohen & Kohn 2011, doi:10.1038/nn.2842; "
    "drift: running mean subtracted; signal: mean covariance over mean variance of stimulus means, each less noise / trials",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.shuffled_trials,
    null=surrogate_of(_truth, resampling.shuffled_trials, 0.0),
)
def noise_correlation(
    activity: xr.Dataset, *, begin: Second = 0.0, end: Second, drift: Annotated[int, Field(ge=5)] = 7
) -> Mapping[str, Any]:
    """Noise correlation of spike counts, mean over pairs of units.

    activity: activity/1 with trials, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial; 200 ms or more, since counts of short windows are hardly
    correlated. drift: trials of the running mean that is subtracted.
    Returns (epoch), [1]; NaN with fewer than 40 trials, fewer than 4 of a stimulus, or fewer than 2 units that vary. Counts of
    few spikes are less correlated: compare at equal rates. Leaving out outliers makes the correlation of Gaussian counts 2 to
    3 % smaller, as in the source. Trials count in which every unit was observed that ever was.
    A drift that units share and that changes from trial to trial is left in. What is left is estimated from the correlations
    across successive trials: the interval reaches so much further down. Above half a standard error the interval is NaN, with
    the reason in the coordinate `reason`: a correlation is no sign of shared noise within trials then.
    Raises NotApplicable without spikes and counts, or without trials.
    """
    populations = population_trials.in_epochs(activity, begin, end)
    keys = ("", "_low", "_high", "_with_drift", "_signal", "_units")
    values = np.full((len(keys), len(populations)), np.nan)
    reasons = np.full(len(populations), "", object)
    for e, one in enumerate(populations.values()):
        count = one.spikes.sum(axis=2).astype(float)
        count = count[:, np.ptp(count, axis=0) > 0] if count.size else count
        values[5, e] = count.shape[1]
        if one.fewest < population_trials.FEWEST or len(count) < 2 * correlations.GROUPS or count.shape[1] < 2:
            continue
        z = correlations.residuals(count, one.stimulus)
        value, left_out = correlations.mean_of_pairs(correlations.detrended(z, one.stimulus, drift), correlations.GROUPS)
        low, high = correlations.jackknife_ends(np.asarray(value), left_out)
        left = correlations.drift_left(z, drift)
        values[0, e] = value
        if left > _MOST_LEFT * np.sqrt((correlations.GROUPS - 1) * left_out.var()):
            reasons[e] = "units share a drift that changes from trial to trial, which cannot be told from noise"
        else:
            values[1:3, e] = low - left, high
        values[3, e] = correlations.mean_of_pairs(z, correlations.GROUPS)[0]
        values[4, e] = correlations.signal(count, one.stimulus)
    named = {f"noise_correlation{key}": row for key, row in zip(keys, values, strict=True)}
    return named | {"coords": {"epoch": list(populations), "reason": ("epoch", reasons.astype(str))}}
