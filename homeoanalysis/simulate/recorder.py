"""From spike logs to an activity dataset."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.config.model import Model
from homeoanalysis.contracts import ACTIVITY
from homeoanalysis.numerics.mechanism import Course
from homeoanalysis.simulate import blindness
from homeoanalysis.simulate.recorded_signals import covariate, made_covariates, with_records, with_signal
from homeoanalysis.simulate.recorded_weights import weight_records
from homeoanalysis.simulate.simulation import Simulation


def activity(
    model: Model,
    simulation: Simulation,
    edges: np.ndarray,
    epochs: Mapping[str, tuple[float, float]],
    *,
    replicate: str,
    subject: str,
    stimulus: xr.Dataset | None,
) -> xr.Dataset:
    """activity/1 of a finished run, whose segments lie between consecutive `edges` [s]."""
    record, emitted = model.record, simulation.emitted()
    n = [p.n for p in model.populations.values()]
    labels = list(model.populations)
    population = np.repeat(np.arange(len(n)), n)
    positions = [p.position for p in simulation.network.neurons.values()]
    position = np.concatenate([np.full((k, 2), np.nan) if p is None else p for p, k in zip(positions, n, strict=True)])
    blind = record.blindness
    if blind is not None and blind.session is not None:
        edges = np.unique(np.concatenate([edges, np.arange(0.0, edges[-1], blind.session)]))
    seen = _sampled(model, simulation)
    if blind is not None:
        random = simulation.network.make.stream("blindness")
        seen = blindness.see(seen, blind, population, position, np.round(edges / model.dt), random)
    unit, names, kept = seen.unit, np.repeat(labels, n)[seen.units], seen.units
    local = (np.arange(sum(n)) - np.repeat(np.cumsum([0, *n[:-1]]), n))[kept]
    row = np.full(sum(n), -1)
    row[kept] = np.arange(kept.size)
    unit_names = [f"{key}{i}" for key, i in zip(names, local, strict=True)]
    kind = np.full(kept.size, "simulated")
    is_merged = blind is not None and blind.electrodes is not None and not blind.electrodes.is_sorted
    if is_merged:
        heard, row_of = np.unique(seen.electrode[kept], return_inverse=True)
        row[kept] = row_of
        first = np.array([np.flatnonzero(row_of == k)[0] for k in range(heard.size)], int)
        unit_names, kind = [f"electrode{k}" for k in heard], np.full(heard.size, "multi")
        names, kept = np.full(heard.size, "mixed"), kept[first]
    order = np.lexsort((seen.step, row[unit]))
    variables: dict[str, Any] = {
        "segment_start": ("segment", edges[:-1]),
        "segment_stop": ("segment", edges[1:]),
        "spike_time": ("spike", seen.step[order] * model.dt),
        "spike_count": ("unit", np.bincount(row[unit], minlength=len(unit_names))),
        "unit_kind": ("unit", kind),
        "cell_type": (
            "unit",
            np.full(len(unit_names), "unknown")
            if is_merged
            else np.repeat([p.cell_type for p in model.populations.values()], n)[kept],
        ),
        "region": ("unit", names),
    }
    coordinates: dict[str, Any] = {"unit": unit_names}
    if epochs:
        variables["epoch_start"] = ("epoch", np.array([start for start, _ in epochs.values()]))
        variables["epoch_stop"] = ("epoch", np.array([stop for _, stop in epochs.values()]))
        coordinates["epoch"] = list(epochs)
    trials = simulation.network.trials(float(edges[-1]))
    if trials:
        start, stop, presented = zip(*trials, strict=True)
        variables["trial_start"], variables["trial_stop"] = ("trial", np.array(start)), ("trial", np.array(stop))
        variables["stimulus"] = ("trial", np.array(presented))
    groups = simulation.network.groups()
    if groups and not is_merged:
        member = np.zeros((len(groups), sum(n)), np.int8)
        for k, (_, key, mine) in enumerate(groups):
            member[k, population == labels.index(key)] = mine
        variables["group_member"] = ("group", "unit"), member[:, kept]
        coordinates["group"] = [name for name, *_ in groups]
    if any(p is not None for p in positions):
        variables["x"], variables["y"] = ("unit", position[kept, 0]), ("unit", position[kept, 1])
    if not seen.is_observed.all() and not is_merged:
        variables["observed"] = ("unit", "segment"), seen.is_observed.astype(np.int8)
    dataset = xr.Dataset(variables, coords=coordinates)
    dataset = dataset.set_coords(["unit_kind", "cell_type", "region"])
    for name, variable in dataset.variables.items():
        if name in ACTIVITY:
            declared = ACTIVITY[str(name)]
            variable.attrs["long_name"] = declared.long_name
            if declared.units is not None:
                variable.attrs["units"] = declared.units
    dataset.spike_time.attrs["tick"] = model.dt
    if stimulus is not None:
        dataset = dataset.merge(covariate(stimulus, edges[:-1]))
    elif covariates := simulation.network.covariates(float(edges[-1])):
        dataset = dataset.merge(made_covariates(covariates, edges))
    if model.duration is not None:
        dataset = with_records(dataset, model, simulation).merge(weight_records(model, simulation))
    book = {"spikes": _account(emitted, int(dataset.spike_count.sum()), seen.dropped), **_book(model, simulation, dataset)}
    return dataset.assign_attrs(
        schema="activity/1",
        source="",
        source_kind="model",
        replicate=replicate,
        subject=subject,
        session="",
        factors="{}" if stimulus is None else stimulus.attrs.get("factors", "{}"),
        citation=model.citation,
        bookkeeping=json.dumps(book),
    )


def rates(model: Model, course: Course, *, replicate: str) -> xr.Dataset:
    """activity/1 of a rate model: its variables are channels of the signal `state_variable`."""
    values = np.array(list(course.values.values()))
    stop = course.every * (values.shape[1] - 1)
    epochs = list(course.epochs.values())
    dataset = xr.Dataset(
        {
            "segment_start": ("segment", [0.0]),
            "segment_stop": ("segment", [stop]),
            "epoch_start": ("epoch", [start for start, _ in epochs]),
            "epoch_stop": ("epoch", [min(end, stop) for _, end in epochs]),
        },
        coords={"epoch": list(course.epochs)},
    )
    for name, variable in dataset.data_vars.items():
        variable.attrs.update(units="s", long_name=ACTIVITY[str(name)].long_name)
    formulas = ["the equations of the model"] * len(values)
    dataset = with_signal(dataset, "state_variable", values, list(course.values), course.every, "1", formulas)
    dataset["state_variable_t_start"][:] = 0.0
    dataset["state_variable_first_sample"][:] = 0
    dataset["state_variable_sample_count"][:] = values.shape[1]
    return dataset.assign_attrs(
        schema="activity/1",
        source="",
        source_kind="model",
        replicate=replicate,
        subject=replicate,
        session="",
        factors="{}",
        citation=model.citation,
        bookkeeping=json.dumps({"spikes": {"in": 0, "out": 0, "dropped": {}}}),
    )


def _sampled(model: Model, simulation: Simulation) -> blindness.Seen:
    """The spikes of the recorded neurons, which are counted through all populations."""
    units, steps, kept, offset = [], [], [], 0
    left_out = simulation.logbook.close()
    for key, chunks in simulation.spikes.items():
        step, unit = np.concatenate([np.zeros((2, 0), np.int32), *chunks], axis=1)
        steps.append(step)
        units.append(unit + offset)
        kept.append(simulation.logbook.recorded(key) + offset)
        offset += model.populations[key].n
    return blindness.recorded(np.concatenate(units), np.concatenate(steps), np.concatenate(kept), offset, left_out)


def _book(model: Model, simulation: Simulation, dataset: xr.Dataset) -> dict[str, Any]:
    """What came into the rates and histograms, how much of it they hold, and where the rest is."""
    found = {}
    for signal, record in model.record.rates().items():
        counts, until = simulation.logbook.counts[signal], simulation.logbook.rows(record.every, simulation.step)
        fired, binned = simulation.emitted(counts), sum(int(count[:until].sum()) for count in counts.values())
        found[f"spikes in {signal}"] = _account(fired, binned, {"after the last whole bin": fired - binned})
    if "weight_count" in dataset:
        number, binned, below, above = (int(dataset[f"weight_{key}"].sum()) for key in ("number", "count", "below", "above"))
        found["weights in bins"] = _account(number, binned, {"below the first bin": below, "above the last bin": above})
    return found


def _account(n_in: int, n_out: int, dropped: Mapping[str, int]) -> dict[str, Any]:
    return {"in": n_in, "out": n_out, "dropped": {reason: n for reason, n in dropped.items() if n}}
