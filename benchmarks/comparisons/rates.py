"""Days of spikes through the metrics of rates and recovery, and the hierarchical bootstrap."""

import resource
import time
from typing import Any

import numpy as np
import xarray as xr

from comparisons._trains import unread
from homeoanalysis import catalogue
from homeoanalysis.numerics.hierarchical import hierarchical_interval

DAY = 86400.0
EPOCHS = {"control": (0.0, 1.5), "baseline": (1.5, 3.0), "perturbation": (3.0, 4.0), "recovery": (4.0, 7.0)}  # days
METRICS: dict[str, dict[str, Any]] = {
    "firing_rate": {},
    "rate_trend": {},
    "population_rate": {"bin_size": 3600.0},
    "perturbation_depth": {"window": 21600.0},
    "perturbation_peak_time": {"window": 21600.0},
    "compensation_index": {"acute": "perturbation", "steady": "recovery"},
    "recovery_fraction": {},
    "residual_change": {},
    "overshoot": {"window": 21600.0},
    "recovery_time": {"bin_size": 3600.0},
    "set_point_precision": {},
    "set_point_distribution": {},
    "set_point_change": {},
    "set_point_by_state": {},
    "firing_rate_spread": {},
    "rate_ratio_spread": {},
    "silent_fraction": {},
    "rank_preservation": {"bin_size": 3600.0},
    "rank_correlation": {},
    "macro_stability": {},
    "unit_stability": {},
    "homeostatic_return": {"bin_size": 7200.0},
    "unit_survival": {},
    "rate_escape": {"window": 3600.0},
    "seizure_fraction": {},
}


def week_of_rates(units: int = 200, days: float = 7.0, rate: float = 5.0) -> str:
    """Every metric of rates and recovery, one after the other, on one core; peak memory of the whole process."""
    rng = np.random.default_rng(1)
    rates = rate * rng.lognormal(0, 0.3, units)
    rates *= rate / rates.mean()
    epochs = {name: (a * DAY * days / 7, b * DAY * days / 7) for name, (a, b) in EPOCHS.items()}
    one = _with_states(unread(rates, days * DAY, rng, epochs))
    lost = _with_losses(one, rng)
    told, total = [], time.process_time()
    for name, parameters in METRICS.items():
        began = time.process_time()
        catalogue.load("metrics", name)(lost if name == "unit_survival" else one, **parameters)
        told.append(f"{name} {time.process_time() - began:.1f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return (
        f"{units} units x {days:g} days x {rate:g} Hz ({one.sizes['spike'] / 1e6:.0f} million spikes), one core: "
        f"{time.process_time() - total:.0f} CPU s in all, peak {peak:.2f} GB; {', '.join(told)} CPU s"
    )


def _with_states(activity: xr.Dataset) -> xr.Dataset:
    """Sleep and wake in turn, for 20 min each."""
    edge = np.arange(0, float(activity.segment_stop[-1]) + 1, 1200.0)
    edges = {"state_start": ("state", edge[:-1], {"units": "s"}), "state_stop": ("state", edge[1:], {"units": "s"})}
    return activity.assign(edges).assign_coords(state=np.resize(["sleep", "wake"], edge.size - 1))


def _with_losses(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """A fifth of the units are lost when the recovery begins."""
    cut, end = float(activity.epoch_start.sel(epoch="recovery")), float(activity.segment_stop[-1])
    halves = {
        "segment_start": ("segment", [0.0, cut], {"units": "s"}),
        "segment_stop": ("segment", [cut, end], {"units": "s"}),
    }
    seen = np.stack([np.ones(activity.sizes["unit"]), rng.uniform(size=activity.sizes["unit"]) < 0.8], axis=1)
    observed = {"observed": (("unit", "segment"), seen.astype(np.int64), {"units": "1"})}
    return activity.drop_vars(list(halves)).assign(halves | observed)


def hierarchical_bootstrap(subjects: int = 10, units: int = 50, draws: int = 10_000) -> str:
    """A recovery fraction of units in animals: three columns, both levels resampled. Beside a loop of plain numpy."""
    rng = np.random.default_rng(1)
    each = [10 * rng.lognormal(0, 0.3, (units, 1)) * np.array([1, 0.4, 0.8]) for _ in range(subjects)]
    began = time.process_time()
    found = hierarchical_interval(each, lambda m: (m[..., 2] - m[..., 1]) / (m[..., 0] - m[..., 1]), draws=draws)
    took = time.process_time() - began
    began, few = time.process_time(), draws // 10
    for _ in range(few):
        animals = [each[k][rng.integers(0, units, units)] for k in rng.integers(0, subjects, subjects)]
        base, low, end = np.mean([one.mean(axis=0) for one in animals], axis=0)
        _ = (end - low) / (base - low)
    plain = (time.process_time() - began) * draws / few
    told = f"{draws} resamples of {subjects} animals with {units} units: {took:.2f} CPU s ({found.over}); "
    return told + f"a loop of plain numpy {plain:.2f} CPU s (from {few} resamples): {plain / took:.0f} times"
