"""Weights of a run: snapshots of synapses, and distributions over all of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.config.model import Model
from homeoanalysis.config.record_faults import weight_unit
from homeoanalysis.contracts import ACTIVITY
from homeoanalysis.simulate.simulation import Simulation
from homeoanalysis.simulate.weighing import PROBABILITIES


def weight_records(model: Model, simulation: Simulation) -> xr.Dataset:
    """What `weights` and `weight_distributions` ask for."""
    found: dict[str, Any] = {}
    coordinates: dict[str, Any] = {}
    if model.record.weights is not None:
        found |= _snapshots(model, simulation)
    if model.record.weight_distributions is not None:
        found |= _distributions(model, simulation)
        coordinates["weight_projection"] = model.record.weight_distributions.projections
        coordinates["weight_probability"] = PROBABILITIES
    dataset = xr.Dataset(found, coords=coordinates)
    for key, variable in dataset.data_vars.items():
        variable.attrs["long_name"] = ACTIVITY[str(key)].long_name
    return dataset


def _snapshots(model: Model, simulation: Simulation) -> dict[str, Any]:
    """Weights of single synapses, those of all recorded projections in a row."""
    wanted, logbook = model.record.weights, simulation.logbook
    assert wanted is not None
    sizes = {key: p.n for key, p in model.populations.items()}
    offset = dict(zip(sizes, np.cumsum([0, *list(sizes.values())[:-1]]), strict=True))
    pre, post, names, values = [], [], [], []
    for name in wanted.projections:
        p = model.projections[name]
        taken = logbook.snapshots.get(name, [])
        if logbook.synapses.is_changing(name):  # of all pairs of neurons: those that ever had a synapse
            number = np.array(taken).reshape(len(taken), sizes[p.source] * sizes[p.target])
            chosen = np.flatnonzero(number.any(axis=0))
            chosen = chosen[logbook.synapses.sampled(name, wanted.sample, chosen.size)]
            source, target = np.divmod(chosen, sizes[p.target])
            values.append(number[:, chosen] * float(simulation.network.parts[0].projections[name].weight))
        else:
            source, target = logbook.synapses.ends(name)
            chosen = logbook.synapses.sampled(name, wanted.sample, source.size)
            source, target = source[chosen], target[chosen]
            values.append(np.array(taken).reshape(len(taken), chosen.size))
        pre.append(source + offset[p.source])
        post.append(target + offset[p.target])
        names += [name] * chosen.size
    synapse, snapshot = "synapse", "snapshot"
    return {
        "weight": ((snapshot, synapse), np.concatenate(values, axis=1), {"units": _unit(model, wanted.projections)}),
        "snapshot_time": (snapshot, np.array(logbook.snapshots["time"], float), {"units": "s"}),
        "pre": (synapse, np.concatenate(pre), {"units": "1"}),
        "post": (synapse, np.concatenate(post), {"units": "1"}),
        "projection": (synapse, np.array(names, str)),
    }


def _distributions(model: Model, simulation: Simulation) -> dict[str, Any]:
    """A row for each time and projection."""
    wanted, logbook = model.record.weight_distributions, simulation.logbook
    assert wanted is not None
    times = logbook.rows(wanted.every, simulation.step)
    every = [logbook.weighings[name] for name in wanted.projections]
    number, unit = {"units": "1"}, {"units": _unit(model, wanted.projections)}
    dims = ("weight_moment", "weight_projection")

    def of(key: str, attributes: Mapping[str, str], *more: str) -> tuple[tuple[str, ...], np.ndarray, dict[str, str]]:
        return (*dims, *more), np.stack([getattr(one, key)[:times] for one in every], axis=1), dict(attributes)

    found: dict[str, Any] = {f"weight_{key}": of(key, number) for key in ("number", "below", "above", "at_zero", "at_max")}
    found |= {f"weight_{key}": of(key, unit) for key in ("mean", "sd")}
    found["weight_quantile"] = of("quantile", unit, "weight_probability")
    found["weight_count"] = of("in_bin", number, "weight_bin")
    edges = np.stack([one.edges for one in every])
    for end, values in (("low", edges[:, :-1]), ("high", edges[:, 1:])):
        found[f"weight_bin_{end}"] = (("weight_projection", "weight_bin"), values, dict(unit))
    seconds = np.arange(1, times + 1) * wanted.every
    return found | {"weight_time": ("weight_moment", seconds, {"units": "s"})}


def _unit(model: Model, projections: list[str]) -> str:
    return " or ".join(sorted({weight_unit(model, name) for name in projections}))
