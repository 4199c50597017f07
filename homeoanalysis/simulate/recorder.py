"""From spike logs to an activity dataset."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.config.model import Model
from homeoanalysis.contracts import ACTIVITY
from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.mechanism import Course
from homeoanalysis.simulate import blindness, probes
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
    """activity/1 of a finished run, whose segments lie between consecutive `edges` [s].

    Raises SimulationError unless all spikes that were emitted are recorded.
    """
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
        dataset = dataset.merge(_covariate(stimulus, edges[:-1]))
    elif covariates := simulation.network.covariates(float(edges[-1])):
        dataset = dataset.merge(_made(covariates, edges))
    dataset = _signals(dataset, model, simulation)
    count, dropped = int(dataset.spike_count.sum()), {key: k for key, k in seen.dropped.items() if k}
    if count + sum(dropped.values()) != emitted:
        raise SimulationError(
            f"replicate {replicate}: {emitted} spikes were emitted, {count} recorded and {sum(dropped.values())} dropped; "
            f"this is a bug, report it"
        )
    return dataset.assign_attrs(
        schema="activity/1",
        source="",
        source_kind="model",
        replicate=replicate,
        subject=subject,
        session="",
        factors="{}" if stimulus is None else stimulus.attrs.get("factors", "{}"),
        citation=model.citation,
        bookkeeping=json.dumps({"spikes": {"in": emitted, "out": count, "dropped": dropped}}),
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
    dataset = _with_signal(
        dataset, "state_variable", values, list(course.values), course.every, "1", "the equations of the model"
    )
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
    for key, chunks in simulation.spikes.items():
        step, unit = np.concatenate([np.zeros((2, 0), np.int32), *chunks], axis=1)
        n, wanted = model.populations[key].n, model.record.units.get(key)
        chosen = np.arange(n)
        if wanted is not None and wanted < n:
            chosen = np.sort(simulation.network.make.stream("recorded units", key).choice(n, wanted, replace=False))
        steps.append(step)
        units.append(unit + offset)
        kept.append(chosen + offset)
        offset += n
    return blindness.sample_units(np.concatenate(units), np.concatenate(steps), np.concatenate(kept), offset)


def _signals(dataset: xr.Dataset, model: Model, simulation: Simulation) -> xr.Dataset:
    """The dataset with traces, the field and snapshots of weights."""
    if model.duration is None:
        return dataset
    taken = probes.take(simulation.network, model, simulation.step)
    field = model.record.lfp_proxy
    if field is not None:
        formula = f"mean |excitatory(t - {field.delay:g} s)| + {field.ratio:g} |inhibitory(t)|"
        dataset = _with_signal(dataset, "lfp_proxy", taken.pop(probes.FIELD), field.populations, field.every, "V", formula)
    for name, wanted in model.record.traces.items():
        kind = "membrane_potential" if wanted.variable == "v" else "state_variable"
        unit = "V" if kind == "membrane_potential" else "SI"
        channels = [f"{name}.{wanted.population}{i}.{wanted.variable}" for i in range(len(taken[name]))]
        dataset = _with_signal(dataset, kind, taken[name], channels, wanted.every, unit, wanted.variable)
    return dataset if model.record.weights is None else dataset.merge(_weights(model, simulation))


def _with_signal(
    dataset: xr.Dataset, kind: str, values: np.ndarray, channels: list[str], every: float, unit: str, formula: str
) -> xr.Dataset:
    """The dataset with some more channels of a signal; all channels of a signal have the same sampling rate."""
    if kind in dataset:
        values = np.concatenate([dataset[kind].values, values])
        channels = [*dataset[f"{kind}_channel"].values.tolist(), *channels]
        dataset = dataset.drop_dims([f"{kind}_channel", f"{kind}_sample"])
    attributes = {"units": unit, "sampling_rate": 1 / every, "long_name": kind.replace("_", " "), "formula": formula}
    variables = {kind: ((f"{kind}_channel", f"{kind}_sample"), values, attributes)}
    # A sample is what a step has left: it stands at the end of the step, `every` after the start.
    starts = np.round(dataset.segment_start.values / every).astype(int)
    stops = np.minimum(np.round(dataset.segment_stop.values / every).astype(int), values.shape[1])
    book = {"first_sample": starts, "sample_count": stops - starts, "t_start": (starts + 1) * every}
    for name, found in book.items():
        declared = ACTIVITY[f"{kind}_{name}"]
        variables[f"{kind}_{name}"] = ("segment", found, {"units": declared.units, "long_name": declared.long_name})  # type: ignore[assignment]
    return (
        dataset.drop_vars([k for k in variables if k in dataset]).assign(variables).assign_coords({f"{kind}_channel": channels})
    )


def _weights(model: Model, simulation: Simulation) -> xr.Dataset:
    """Snapshots of plastic weights, the synapses of all recorded projections in a row."""
    wanted = model.record.weights
    assert wanted is not None
    sizes = {key: p.n for key, p in model.populations.items()}
    offset = dict(zip(sizes, np.cumsum([0, *list(sizes.values())[:-1]]), strict=True))
    pre, post, names, values, units = [], [], [], [], set()
    for name in wanted.projections:
        p = model.projections[name]
        taken = simulation.snapshots.get(name, [])
        if simulation.is_changing(name):  # of all pairs of neurons: those that ever had a synapse
            number = np.array(taken).reshape(len(taken), sizes[p.source] * sizes[p.target])
            chosen = np.flatnonzero(number.any(axis=0))
            chosen = chosen[simulation.sampled(name, wanted, chosen.size)]
            source, target = np.divmod(chosen, sizes[p.target])
            values.append(number[:, chosen] * float(simulation.network.parts[0].projections[name].weight))
        else:
            source, target = simulation.synapses(name)
            chosen = simulation.sampled(name, wanted, source.size)
            source, target = source[chosen], target[chosen]
            values.append(np.array(taken).reshape(len(taken), chosen.size))
        pre.append(source + offset[p.source])
        post.append(target + offset[p.target])
        names += [name] * chosen.size
        units.add(simulation.network.neurons[p.target].weight_units[p.channel])
    synapse, snapshot = "synapse", "snapshot"
    found = {
        "weight": ((snapshot, synapse), np.concatenate(values, axis=1), {"units": " or ".join(sorted(units))}),
        "snapshot_time": (snapshot, np.array(simulation.snapshots["time"], float), {"units": "s"}),
        "pre": (synapse, np.concatenate(pre), {"units": "1"}),
        "post": (synapse, np.concatenate(post), {"units": "1"}),
        "projection": (synapse, np.array(names, str)),
    }
    dataset = xr.Dataset(found)
    for key, variable in dataset.variables.items():
        variable.attrs["long_name"] = ACTIVITY[str(key)].long_name
    return dataset


def _covariate(stimulus: xr.Dataset, segment_start: np.ndarray) -> xr.Dataset:
    """The stimulus as it was presented in the last segment; it is stored once."""
    kept = ["covariate", *(k for k in ("covariate_bandwidth",) if k in stimulus)]
    dataset = stimulus[kept].copy()
    count = np.zeros(segment_start.size, np.int64)
    count[-1] = stimulus.sizes["covariate_sample"]
    for name, values in {"first_sample": np.zeros_like(count), "sample_count": count, "t_start": segment_start}.items():
        declared = ACTIVITY[f"covariate_{name}"]
        dataset[f"covariate_{name}"] = ("segment", values, {"units": declared.units, "long_name": declared.long_name})
    return dataset


def _made(covariates: Mapping[str, tuple[np.ndarray, float]], edges: np.ndarray) -> xr.Dataset:
    """The stimuli that protocols made, a channel for each; white noise has no highest frequency."""
    values = np.array([samples for samples, _ in covariates.values()])
    (rate,) = {rate for _, rate in covariates.values()}
    attributes = {"units": "1", "sampling_rate": rate, "long_name": ACTIVITY["covariate"].long_name}
    starts = np.minimum(np.round(edges * rate).astype(np.int64), values.shape[1])
    book = {"first_sample": starts[:-1], "sample_count": np.diff(starts), "t_start": edges[:-1]}
    variables: dict[str, Any] = {"covariate": (("covariate_channel", "covariate_sample"), values, attributes)}
    declared = ACTIVITY["covariate_bandwidth"]
    unknown = np.full(len(values), np.nan)
    variables["covariate_bandwidth"] = ("covariate_channel", unknown, {"units": declared.units, "long_name": declared.long_name})
    for name, found in book.items():
        declared = ACTIVITY[f"covariate_{name}"]
        variables[f"covariate_{name}"] = ("segment", found, {"units": declared.units, "long_name": declared.long_name})
    return xr.Dataset(variables, coords={"covariate_channel": list(covariates)})
