"""How noise correlation depends on how much units fire."""

import itertools
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import population_trials, resampling, synthetic
from homeoanalysis.numerics import trial_correlations as correlations
from homeoanalysis.units import Hertz, Second

_EDGES = [0.0, 350.0, 550.0, 1000.0]


def _truth(rng: np.random.Generator) -> Truth:
    """Gaussian counts of nine units of mean 30, 45 or 60 in 0.1 s, correlated by 0.15 + (i + j) / 10 (variance 25 + 1/12)."""
    kind = np.repeat([0, 1, 2], 3)
    correlation = np.where(np.eye(9) > 0, 1.0, (0.3 + 0.2 * kind[:, None] + 0.2 * kind) / 2)
    mean = np.array([30.0, 45, 60])[kind]
    label = rng.permutation(np.repeat(np.arange(4), 75))
    count = synthetic.gaussian_counts(np.tile(mean, (300, 1)), 25 * correlation, rng)
    one = synthetic.counted(count, [f"stimulus {k}" for k in label], rng)
    upper = np.triu_indices(9, 1)
    bins = np.digitize(np.sqrt(mean[:, None] * mean)[upper] / 0.1, _EDGES) - 1
    kept = synthetic.correlation_within(correlation[upper] * 25 / (25 + 1 / 12), correlations.OUTLIER)
    value = [kept[bins == k].mean() for k in range(3)]
    return Truth(one, np.array([value]), {"end": 0.1, "edges": _EDGES}, {"with_drift": np.array([value])})


@metric(
    units="1",
    dims=("epoch", "parameter"),
    bounds=(-1, 1),
    companions={
        "low": Companion("1", "95 % interval (jackknife over 20 groups of successive trials)"),
        "high": Companion("1", "95 % interval (jackknife over 20 groups of successive trials)"),
        "with_drift": Companion("1", "The same with slow drift left in", (-1, 1)),
        "with_drift_low": Companion("1", "95 % interval (jackknife over 20 groups of successive trials)"),
        "with_drift_high": Companion("1", "95 % interval (jackknife over 20 groups of successive trials)"),
        "pairs": Companion("1", "Pairs of units in the bin", (0, np.inf)),
    },
    source="as noise_correlation, mean of the pairs whose geometric mean of rates lies in a bin: de la Rocha et al. 2007, "
    "doi:10.1038/nature06028",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.shuffled_trials,
    null=surrogate_of(_truth, resampling.shuffled_trials, 0.0),
)
def noise_correlation_by_rate(
    activity: xr.Dataset,
    *,
    edges: Annotated[list[Hertz], Field(min_length=2)],
    begin: Second = 0.0,
    end: Second,
    drift: Annotated[int, Field(ge=5)] = 7,
) -> Mapping[str, Any]:
    """Noise correlation of spike counts in bins of the geometric mean of the rates of two units.

    activity: activity/1 with trials, and spikes or counts in bins of trials.
    edges: [Hz], of the bins; a rate is the mean over the windows of trials. begin, end, drift: as in noise_correlation.
    Returns (epoch, parameter), [1], a bin each; NaN without a pair in the bin, and as noise_correlation. Correlations of
    counts grow with rates: compare populations in the same bin.
    A drift that units share and that changes within `drift` trials is left in: then the interval of independent units excludes
    0 too often, and a correlation is no sign of shared noise within trials.
    Raises NotApplicable without spikes and counts, or without trials.
    """
    populations = population_trials.in_epochs(activity, begin, end)

    def rate(count: correlations.Floats, unit: correlations.Labels) -> correlations.Floats:
        mean = count.mean(axis=0) / (end - begin)
        return np.sqrt(mean[:, None] * mean)

    found = correlations.profile(populations, edges, drift, rate)
    named = {f"noise_correlation_by_rate_{key}".removesuffix("_value"): value for key, value in found._asdict().items()}
    labels = [f"{a:g} to {b:g} Hz" for a, b in itertools.pairwise(edges)]
    return named | {"coords": {"epoch": list(populations), "parameter": labels}}
