"""Whether the population is steadier than its units."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import observed, rates, resampling, synthetic
from homeoanalysis.statistics.exchanged_epochs import match_durations, measure_steadiness_p
from homeoanalysis.units import Hertz

Floats = NDArray[np.float64]
_EPOCHS = {"baseline": (0.0, 40.0), "recovery": (40.0, 80.0)}


def _changed(total: float, rng: np.random.Generator) -> xr.Dataset:
    """60 units whose log rates fluctuate by 0.28 around set points, independently in each epoch.

    total: where it is not 0, all rates of the recovery are scaled so that their sum changes by it.
    """
    before, after = np.exp(rng.normal(2, 0.5, 60) + rng.normal(0, 0.28, (2, 60)))
    after *= np.exp(total) * before.sum() / after.sum() if total else 1.0
    return synthetic.stepped(np.stack([before, after], axis=1), _EPOCHS, rng)


def _truth(rng: np.random.Generator) -> Truth:
    return Truth(_changed(-0.1, rng), -0.1, {})


def _null(rng: np.random.Generator) -> Truth:
    """Stationary and independent units: the two epochs of each are exchangeable."""
    return Truth(_changed(0.0, rng), np.nan, {})


def _independent(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """In the recovery each unit is as far from its baseline as it was, on a random side of it."""
    units = rates.in_epochs(activity, ("baseline", "recovery"))
    seen = np.all(observed.counts(activity, ("baseline", "recovery"))[1] > 0, axis=1)
    rate = np.zeros(seen.size)
    rate[seen] = np.exp(units.log[:, 0] + rng.choice([-1.0, 1.0], seen.sum()) * (units.log[:, 1] - units.log[:, 0]))
    return resampling.fired_at(activity, "recovery", rate, rng)


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "p": Companion("1", "Probability that independent stationary units leave the population as steady", (0, 1)),
        "spread": Companion("1", "Standard deviation over units of ln(r_end / r_0), less counting noise", (0, np.inf)),
        "units": Companion("1", "Units with a set point", (0, np.inf)),
    },
    source="ln(R_end / R_0), R the sum of the rates, after Slomowitz et al. 2015, doi:10.7554/eLife.04378; p: permutation "
    "test that exchanges the two epochs of each unit at random (statistics.exchanged_epochs)",
    scale="linear",
    truth=_truth,
    surrogate=_independent,
    null=_null,
)
def macro_stability(
    activity: xr.Dataset,
    *,
    baseline: EpochName = "baseline",
    recovery: EpochName = "recovery",
    cell_type: rates.CellType = "all",
    least_rate: Hertz = 0.01,
    only_steady: bool = False,
) -> Mapping[str, Any]:
    """Change of the population's summed rate, held against the changes of its units.

    activity: activity/1 with spikes and the two named epochs.
    least_rate: [Hz]; units below it in the baseline have no set point.
    only_steady: leave out units that are silent in a fifth of the baseline, or have a trend in it (`rate_trend`).
    Returns a scalar [1]. A small `p` says that the summed rate changed less than independent units would change it.
    `p` takes equally long parts of both epochs, the end of the longer one, and units that fire at `least_rate` in the mean
    of the two parts. Units that fluctuate together make `p` larger: such a recording may hide that its population is steady.
    NaN with fewer than 4 units, or where nothing fires in the recovery.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell type.
    """
    units = rates.in_epochs(activity, (baseline, recovery), cell_type, least_rate, only_steady)
    before, after = units.rate.T
    n, ratio = before.size, units.log[:, 1] - units.log[:, 0]
    is_defined = n >= 4 and after.sum() > 0
    seen = float(np.log(after.sum() / before.sum())) if is_defined else np.nan
    spread = ratio.var(ddof=1) - np.mean(1 / (units.spikes + 0.5), axis=0).sum() if n >= 4 else np.nan

    def p() -> float:
        parts = match_durations(activity, (baseline, recovery))
        rate = rates.in_epochs(parts, (baseline, recovery), cell_type, 0.0, only_steady).rate
        return measure_steadiness_p(rate[rate.mean(axis=1) >= least_rate]) if is_defined else np.nan

    return {
        "macro_stability": seen,
        "macro_stability_p": p,
        "macro_stability_spread": float(np.sqrt(np.maximum(spread, 0))),
        "macro_stability_units": float(n),
        "coords": {},
    }
