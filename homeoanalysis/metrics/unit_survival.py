"""Whether units are lost according to their rates, and what that may hide."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import observed, rates, synthetic
from homeoanalysis.units import Hertz

Floats = NDArray[np.float64]
_EPOCHS = {"baseline": (0.0, 50.0), "recovery": (50.0, 100.0)}


def _lost(slope: float, rng: np.random.Generator) -> xr.Dataset:
    """150 units of which the slow ones (slope > 0) are lost more often; the slower, the less of its rate a unit regains."""
    log = rng.normal(1.5, 0.7, 150)
    units = np.exp(np.stack([log, log + 0.3 * (log - 1.5)], axis=1))
    activity = synthetic.stepped(units, _EPOCHS, rng)
    kept = rng.uniform(size=150) < 1 / (1 + np.exp(-(0.5 + slope * (log - 1.5))))
    seen = np.stack([np.ones(150, np.int64), kept.astype(np.int64)], axis=1)
    halves = {
        "segment_start": ("segment", [0.0, 50.0], {"units": "s"}),
        "segment_stop": ("segment", [50.0, 100.0], {"units": "s"}),
    }
    bare = activity.drop_vars(["segment_start", "segment_stop"])
    return bare.assign(halves).assign(observed=(("unit", "segment"), seen, {"units": "1"}))


def _truth(rng: np.random.Generator) -> Truth:
    """The mean log change of all units is 0; of the survivors, it is more."""
    return Truth(_lost(1.0, rng), 1.0, {}, {"weighted": 0.0})


def _null(rng: np.random.Generator) -> Truth:
    return Truth(_lost(0.0, rng), 0.0, {})


def _lost_at_random(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """After the baseline each unit is lost as another one was, whatever its rate."""
    if "observed" not in activity:
        return activity
    seen = activity.observed.values.copy()
    late = activity.segment_start.values >= observed.epoch(activity, "baseline")[1]
    known = seen[:, ~late].any(axis=1)
    seen[np.ix_(known, late)] = rng.permutation(seen[np.ix_(known, late)])
    return observed.seen(activity.assign(observed=(activity.observed.dims, seen, activity.observed.attrs)))


def _logistic(x: Floats, survived: Floats) -> tuple[Floats, Any]:
    """Firth's penalised likelihood of P(survived) = 1 / (1 + exp(-(a + b x))): (a, b), and their covariance.

    Source: Firth 1993, doi:10.1093/biomet/80.1.27: no bias to order 1/n, and finite where one value of x separates the two.
    """
    design = np.stack([np.ones_like(x), x], axis=1)
    beta = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ beta))
        weight = p * (1 - p)
        covariance = np.linalg.inv((design * weight[:, None]).T @ design)
        leverage = weight * np.einsum("ni,ij,nj->n", design, covariance, design)
        step = covariance @ design.T @ (survived - p + leverage * (0.5 - p))
        beta += step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
        if np.abs(step).max() < 1e-10:
            break
    return beta, covariance


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval (Wald, of the penalised likelihood)"),
        "high": Companion("1", "95 % interval (Wald, of the penalised likelihood)"),
        "p": Companion("1", "Probability of such a slope if loss did not depend on the rate (Wald)", (0, 1)),
        "lost": Companion("1", "Part of the units with a set point that are lost", (0, 1)),
        "survivors": Companion("1", "Mean log change of the survivors' rates"),
        "weighted": Companion("1", "The same, each weighted by one over its modelled probability to survive"),
        "least": Companion("1", "Mean log change of all units if the lost ones changed as the lowest twentieth of survivors"),
        "most": Companion("1", "Mean log change of all units if the lost ones changed as the highest twentieth of survivors"),
    },
    source="logistic regression of survival on ln r_0, penalised (Firth 1993, doi:10.1093/biomet/80.1.27); weights: Horvitz & "
    "Thompson 1952, doi:10.1080/01621459.1952.10483446; bounds from the 5th and 95th percentile of the survivors",
    scale="linear",
    truth=_truth,
    surrogate=_lost_at_random,
    null=_null,
)
def unit_survival(
    activity: xr.Dataset,
    *,
    baseline: EpochName = "baseline",
    recovery: EpochName = "recovery",
    cell_type: rates.CellType = "all",
    least_rate: Hertz = 0.01,
) -> Mapping[str, Any]:
    """Dependence of survival on the rate: the log odds of being observed to the end, for each e-fold of the baseline rate.

    A population seems to recover where the units that did not are lost. What survivors say is given as it is, weighted by the
    modelled loss, and between the bounds that hold if the lost units did as badly, or as well, as any.
    activity: activity/1 with spikes, `observed` and the two named epochs.
    least_rate: [Hz]; units below it in the baseline have no set point.
    Returns a scalar [1]: 0, loss does not depend on the rate; positive, slow units are lost more often. NaN where no unit is
    lost, or fewer than 4 survive.
    Raises NotApplicable without spikes, without one of the epochs, or without units that were observed in the baseline.
    """
    count, time = observed.counts(activity, (baseline, recovery))
    kept = rates.is_of(activity, cell_type) & (time[:, 0] > 0)
    kept[kept] &= count[kept, 0] / time[kept, 0] >= least_rate
    kept &= count[:, 0] > 0
    if not kept.any():
        raise NotApplicable(f"no units of cell type {cell_type} that were observed in the epoch {baseline} and had a set point")
    count, time = count[kept], time[kept]
    log = np.log(count[:, 0] / time[:, 0])
    survived = time[:, 1] > 0
    n, lost = survived.size, 1 - float(survived.mean())
    change = np.log((count[survived, 1] + 0.5) / time[survived, 1]) - np.log((count[survived, 0] + 0.5) / time[survived, 0])
    if survived.sum() < 4 or survived.all():
        mean = float(change.mean()) if change.size else np.nan
        told = {"_weighted": mean, "_least": mean, "_most": mean} if survived.all() else {}
        return _values({"_lost": lost, "_survivors": mean, **told})
    beta, covariance = _logistic(log - log.mean(), survived.astype(float))
    error = float(np.sqrt(covariance[1, 1]))
    odds = 1 + np.exp(-(beta[0] + beta[1] * (log - log.mean())[survived]))
    edges = np.quantile(change, [0.05, 0.95])
    bounds = (change.sum() + (n - change.size) * edges) / n
    return _values(
        {
            "": float(beta[1]),
            "_low": float(beta[1] - 1.959964 * error),
            "_high": float(beta[1] + 1.959964 * error),
            "_p": _two_sided(float(beta[1]) / error),
            "_lost": lost,
            "_survivors": float(change.mean()),
            "_weighted": float(np.average(change, weights=odds)),
            "_least": float(bounds[0]),
            "_most": float(bounds[1]),
        }
    )


def _two_sided(z: float) -> float:
    from scipy import special

    return float(2 * special.ndtr(-abs(z)))


def _values(values: Mapping[str, float]) -> Mapping[str, Any]:
    names = ("", "_low", "_high", "_p", "_lost", "_survivors", "_weighted", "_least", "_most")
    return {f"unit_survival{name}": values.get(name, np.nan) for name in names} | {"coords": {}}
