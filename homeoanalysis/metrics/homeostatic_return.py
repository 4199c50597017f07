"""Whether units that moved away come back more than chance alone would bring them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import observed, rates, resampling, synthetic
from homeoanalysis.statistics import joint_surrogates
from homeoanalysis.units import Hertz, Second

Floats = NDArray[np.float64]
_EPOCHS = {"baseline": (0.0, 300.0), "perturbation": (300.0, 340.0), "recovery": (380.0, 420.0)}
_SURROGATES = 199


def _truth(rng: np.random.Generator) -> Truth:
    """A common fall to 40 % and a return to 82 %, of units whose rates do not fluctuate: all of it is a return."""
    spans = {"baseline": (0.0, 300.0), "perturbation": (300.0, 340.0), "gap": (340.0, 380.0), "recovery": (380.0, 420.0)}
    units = rng.lognormal(2.5, 0.3, (40, 1)) * np.array([1, 0.4, 0.4, 0.82])
    activity = synthetic.stepped(units, spans, rng)
    start, stop = np.array(list(_EPOCHS.values())).T
    edges = {"epoch_start": ("epoch", start, {"units": "s"}), "epoch_stop": ("epoch", stop, {"units": "s"})}
    activity = activity.drop_dims("epoch").assign(edges).assign_coords(epoch=list(_EPOCHS))
    return Truth(activity, np.log(0.82 / 0.4), {"bin_size": 5.0})


def _null(rng: np.random.Generator) -> Truth:
    """No perturbation at all: log rates fluctuate slowly around set points that do not change."""
    activity = synthetic.fluctuating(40, 8.0, 0.5, 40.0, 420.0, rng)
    start, stop = np.array(list(_EPOCHS.values())).T
    edges = {"epoch_start": ("epoch", start, {"units": "s"}), "epoch_stop": ("epoch", stop, {"units": "s"})}
    return Truth(activity.assign(edges).assign_coords(epoch=list(_EPOCHS)), np.nan, {"bin_size": 5.0})


def _returns(log: Floats, selection: str, change: float) -> tuple[Floats, Floats]:
    """Sum over the selected units of ln(r_end / r_p), and their number, from log rates (..., unit, epoch)."""
    moved = log[..., 1] - log[..., 0]
    chosen = {
        "suppressed": moved <= np.log1p(-change),
        "elevated": moved >= -np.log1p(-change),
        "all": np.ones(moved.shape, bool),
    }[selection]
    back = np.where(chosen, log[..., 2] - log[..., 1], 0.0) * (-1 if selection == "elevated" else 1)
    return np.asarray(back.sum(axis=-1)), np.asarray(chosen.sum(axis=-1), float)


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "p": Companion("1", "Probability of so much return of the same selection of units by fluctuation alone", (0, 1)),
        "regression": Companion("1", "What stationary fluctuations bring back of the same selection of units"),
        "selected": Companion("1", "Units that are selected", (0, np.inf)),
        "spread": Companion("1", "Standard deviation of the fluctuation of log rates in the baseline", (0, np.inf)),
        "tau": Companion("s", "Correlation time of the fluctuation of log rates in the baseline", (0, np.inf)),
    },
    source="sum over selected units of ln(r_end / r_p), less its mean over surrogates, for each selected unit; surrogates: "
    "own and shared courses of log rates as in the baseline (statistics.joint_surrogates), Poisson spikes, the same selection",
    scale="linear",
    truth=_truth,
    surrogate=resampling.at_rate_of("perturbation", "recovery"),
    null=_null,
)
def homeostatic_return(
    activity: xr.Dataset,
    *,
    bin_size: Second,
    selection: Literal["suppressed", "elevated", "all"] = "suppressed",
    change: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    baseline: EpochName = "baseline",
    perturbation: EpochName = "perturbation",
    recovery: EpochName = "recovery",
    cell_type: rates.CellType = "all",
    least_rate: Hertz = 0.01,
) -> Mapping[str, Any]:
    """Return of selected units towards their set points, less the regression to the mean.

    Units that are selected because they fired less than before come back by themselves, in any recording with slow
    fluctuations. So the same selection is made in surrogates without perturbation.
    activity: activity/1 with spikes and the three named epochs.
    bin_size: [s], of the baseline, which must have 10 bins or more; a fraction of the correlation time of rates.
    The baseline should span seven correlation times: at one, 11 % of tests were false positives where units shared half of the
    variance. Units with long silences are excluded: their log rates are not Gaussian, and 41 % were false positives.
    selection, change: units whose rate fell (or rose, by as much in the logarithm) by this part or more.
    Returns a scalar [1], in e-folds: 0, no more than chance; negative, less. NaN where no unit is selected.
    Raises NotApplicable without spikes, without one of the epochs, without units of the cell type, or with too short a baseline.
    """
    units = rates.in_epochs(activity, (baseline, perturbation, recovery), cell_type, least_rate)
    bins = rates.in_bins(activity, baseline, bin_size, cell_type)
    if bins.time.shape[1] < 10:
        raise NotApplicable(f"epoch {baseline} has fewer than 10 bins of {bin_size:g} s")
    private = joint_surrogates.estimate_private_fluctuation(bins, bin_size, _SURROGATES)
    start, _ = observed.epoch(activity, baseline)
    shared = joint_surrogates.measure_shared_course(bins, start, bin_size, float(private.spread[0]))
    spans = [observed.epoch(activity, label) for label in (baseline, perturbation, recovery)]
    order = np.lexsort(units.spikes.T)
    mean = units.spikes[order].sum(axis=1) / units.time[order].sum(axis=1)
    log = joint_surrogates.draw_log_rates(private, shared, mean, units.time[order], spans)
    null, _ = _returns(log, selection, change)
    seen, selected = (float(x) for x in _returns(units.log, selection, change))
    return {
        "homeostatic_return": (seen - float(null.mean())) / selected if selected else np.nan,
        "homeostatic_return_p": float((1 + np.sum(null >= seen)) / (1 + null.size)) if selected else np.nan,
        "homeostatic_return_regression": float(null.mean()) / selected if selected else np.nan,
        "homeostatic_return_selected": selected,
        "homeostatic_return_spread": float(private.spread[0]),
        "homeostatic_return_tau": float(private.tau[0]),
        "coords": {},
    }
