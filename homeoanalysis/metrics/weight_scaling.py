"""Whether synaptic weights were all multiplied by one factor."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import scaling, synthetic
from homeoanalysis.provenance import rng_for

_CELLS = 200  # neurons that are looked at, the first by index; more would not tell more
_FEWEST = 4


def _truth(rng: np.random.Generator) -> Truth:
    """Log-normal weights of 40 neurons, all multiplied by 1.92."""
    return Truth(
        synthetic.weights(40, 30, lambda w: 1.92 * w, rng), 0.0, {}, conservative="both snapshots are of the same synapses"
    )


def _compressed(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """The last weights become the mean: whatever the synapses were to each other is lost."""
    values = activity.weight.values.copy()
    values[-1] = values[-1].mean() * rng.uniform(0.9, 1.1, values.shape[1])
    return activity.assign(weight=(activity.weight.dims, values, activity.weight.attrs))


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval over neurons (percentile bootstrap)"),
        "high": Companion("1", "95 % interval over neurons (percentile bootstrap)"),
        "factor": Companion("1", "Factor that makes the last weights most like the first", (0, np.inf)),
        "likeness": Companion("1", "Kolmogorov and Smirnov's probability at that factor, the greatest of all factors", (0, 1)),
        "agrees": Companion("1", "1: the interval holds 0, so that the weights may have been multiplied; else 0", (0, 1)),
        "rank": Companion("1", "Spearman correlation of first and last weights over synapses", (-1, 1)),
        "log_correlation": Companion("1", "Pearson correlation of the logarithms of first and last weights", (-1, 1)),
    },
    source="slope of ln(last / factor / first) on ln(first) over the quantiles 0.02 to 0.98; iterative test: Kim, Tsien & Alger "
    "2012, doi:10.1371/journal.pone.0037364; ratios: Hanes et al. 2020, doi:10.1523/JNEUROSCI.1508-19.2020",
    scale=None,  # halves of time hold the same weights
    truth=_truth,
    surrogate=_compressed,
    not_inside="samples of neurons may lie to one side of the estimate",
    no_worst_case="weights that have all become alike",
)
def weight_scaling(activity: xr.Dataset) -> Mapping[str, Any]:
    """How far weights are from being scaled alike: 0, all were multiplied; below, weak ones grew more; above, strong ones did.

    activity: activity/1 with weights of at least two snapshots; the first is compared with the last. Weights of 0 or less are
    left out. The likeness cannot tell a factor from a power of the weight; the slope can.
    Returns a scalar, [1]; NaN with fewer than 4 postsynaptic neurons.
    Raises NotApplicable without weights, or with one snapshot.
    """
    if "weight" not in activity:
        raise NotApplicable("no weights")
    if activity.sizes["snapshot"] < 2:
        raise NotApplicable("weights of one moment only")
    order = np.argsort(activity.snapshot_time.values, kind="stable")
    first, last = (activity.weight.isel(snapshot=order[k]).values.astype(float) for k in (0, -1))
    kept = (first > 0) & (last > 0)
    first, last, cell = first[kept], last[kept], activity.post.values[kept]
    companions = ("low", "high", "factor", "likeness", "agrees", "rank", "log_correlation")
    names = ("weight_scaling", *(f"weight_scaling_{c}" for c in companions))
    cells = np.unique(cell)[:_CELLS]
    if cells.size < _FEWEST:
        return {**dict.fromkeys(names, np.nan), "coords": {}}
    before, after = ([values[cell == c] for c in cells] for values in (first, last))
    found = scaling.multiplied(before, after, 0.0, rng_for(0, "weight scaling", int(cells.size)))
    agrees = float(found.low <= 0 <= found.high)
    alike = _rank(first, last), _correlation(np.log(first), np.log(last))
    values = (found.slope, found.low, found.high, found.factor, found.p, agrees, *alike)
    return {**dict(zip(names, values, strict=True)), "coords": {}}


def _rank(first: np.ndarray, last: np.ndarray) -> float:
    from scipy import stats

    return _correlation(stats.rankdata(first), stats.rankdata(last))


def _correlation(first: np.ndarray, last: np.ndarray) -> float:
    return float(np.clip(np.corrcoef(first, last)[0, 1], -1, 1))
