"""How noise correlation depends on how far units are from each other."""

import itertools
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import population_trials, resampling, synthetic
from homeoanalysis.numerics import trial_correlations as correlations
from homeoanalysis.units import Metre, Second

_EDGES = [0.0, 150e-6, 350e-6, 1e-3]


def _truth(rng: np.random.Generator) -> Truth:
    """Gaussian counts of ten units in a row, 100 um apart, correlated by 0.4 exp(-distance / 300 um) (variance 25 + 1/12)."""
    x = 100e-6 * np.arange(10)
    distance = np.abs(x[:, None] - x)
    correlation = np.where(distance > 0, 0.4 * np.exp(-distance / 300e-6), 1.0)
    label = rng.permutation(np.repeat(np.arange(4), 75))
    count = synthetic.gaussian_counts(np.full((300, 10), 50.0) + 4 * label[:, None], 25 * correlation, rng)
    one = synthetic.counted(count, [f"stimulus {k}" for k in label], rng)
    one = one.assign(x=("unit", x, {"units": "m"}), y=("unit", np.zeros(10), {"units": "m"}))
    upper = np.triu_indices(10, 1)
    bins = np.digitize(distance[upper], _EDGES) - 1
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
    source="as noise_correlation, mean of the pairs whose distance lies in a bin: Smith & Kohn 2008, "
    "doi:10.1523/JNEUROSCI.2929-08.2008",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.shuffled_trials,
    null=surrogate_of(_truth, resampling.shuffled_trials, 0.0),
)
def noise_correlation_by_distance(
    activity: xr.Dataset,
    *,
    edges: Annotated[list[Metre], Field(min_length=2)],
    begin: Second = 0.0,
    end: Second,
    drift: Annotated[int, Field(ge=5)] = 7,
) -> Mapping[str, Any]:
    """Noise correlation of spike counts in bins of the distance of two units.

    activity: activity/1 with trials, spikes or counts in bins of trials, and positions of units.
    edges: [m], of the bins of distance. begin, end, drift: as in noise_correlation.
    Returns (epoch, parameter), [1], a bin each; NaN without a pair in the bin, and as noise_correlation. Pairs with a unit of
    unknown position are left out.
    A drift that units share and that changes within `drift` trials is left in: then the interval of independent units excludes
    0 too often, and a correlation is no sign of shared noise within trials.
    Raises NotApplicable without spikes and counts, without trials, or without positions.
    """
    populations = population_trials.in_epochs(activity, begin, end)
    if "x" not in activity:
        raise NotApplicable("no positions of units")
    place = np.stack([activity.x.values, activity.y.values if "y" in activity else np.zeros(activity.sizes["unit"])], axis=1)

    def distance(count: correlations.Floats, unit: correlations.Labels) -> correlations.Floats:
        apart = np.linalg.norm(place[unit][:, None] - place[unit], axis=2)
        return np.where(np.isfinite(apart), apart, -1.0)

    found = correlations.profile(populations, edges, drift, distance)
    named = {f"noise_correlation_by_distance_{key}".removesuffix("_value"): value for key, value in found._asdict().items()}
    labels = [f"{1e6 * a:g} to {1e6 * b:g} um" for a, b in itertools.pairwise(edges)]
    return named | {"coords": {"epoch": list(populations), "parameter": labels}}
