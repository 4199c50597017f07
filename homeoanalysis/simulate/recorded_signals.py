"""Signals of a run: traces, rates, the field, and the stimuli that it was given."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.config.model import Model
from homeoanalysis.config.record_faults import detectors
from homeoanalysis.contracts import ACTIVITY
from homeoanalysis.numerics.observed import EDGE
from homeoanalysis.simulate import probes
from homeoanalysis.simulate.simulation import Simulation

_STEPS = np.iinfo(np.int16).max  # of a signal that is stored in 16 bits


def with_records(dataset: xr.Dataset, model: Model, simulation: Simulation) -> xr.Dataset:
    """The dataset with the field, traces and rates of a run that has a duration."""
    taken = probes.take(simulation.network, model, simulation.step)
    field = model.record.lfp_proxy
    if field is not None:
        said = [
            f"mean over {name} of |excitatory(t - {field.delay:g} s)| + {field.ratio:g} |inhibitory(t)|"
            for name in field.populations
        ]
        dataset = with_signal(dataset, "lfp_proxy", taken.pop(probes.FIELD), field.populations, field.every, "V", said)
    for name, wanted in model.record.traces.items():
        kind, unit = ("membrane_potential", "V") if wanted.variable == "v" else ("state_variable", "SI")
        channels = [f"{name}.{wanted.population}{i}.{wanted.variable}" for i in wanted.chosen]
        formulas = [_meaning(model, wanted.population, wanted.variable)] * len(channels)
        dataset = with_signal(dataset, kind, taken[name], channels, wanted.every, unit, formulas)
    for signal, record in model.record.rates().items():
        until = simulation.logbook.rows(record.every, simulation.step)
        counts = {key: count[:until] for key, count in simulation.logbook.counts[signal].items()}
        if signal == "population_rate":
            values = np.array([count / (model.populations[key].n * record.every) for key, count in counts.items()])
            formulas = [
                f"spikes of {key} in {record.every:g} s, for each of {model.populations[key].n} neurons" for key in counts
            ]
            dataset = with_signal(dataset, signal, values, list(counts), record.every, "Hz", formulas, is_binned=True)
        else:
            each, step = np.concatenate(list(counts.values()), axis=1).T, 1 / record.every
            channels = [f"{key}{i}" for key, count in counts.items() for i in range(count.shape[1])]
            formulas = [f"spikes in {record.every:g} s"] * len(channels)
            dataset = with_signal(dataset, signal, each * step, channels, record.every, "Hz", formulas, is_binned=True)
            if each.max(initial=0) <= _STEPS:
                dataset[signal].attrs["step"] = step
    return dataset


def _meaning(model: Model, population: str, variable: str) -> str:
    """What a trace is of, in words where its name does not say it."""
    seen = detectors(model, population)
    if variable in seen:
        return f"spikes filtered with {seen[variable]:g} s, as {variable.removesuffix('.rate')} sees them [Hz]"
    return "input_gain: factor of all synaptic input" if variable == "input_gain" else variable


def with_signal(
    dataset: xr.Dataset,
    kind: str,
    values: np.ndarray,
    channels: Sequence[str],
    every: float,
    unit: str,
    formulas: Sequence[str],
    *,
    is_binned: bool = False,
) -> xr.Dataset:
    """The dataset with some more channels of a signal, (channel, sample), each with what it is.

    All channels of a signal have the same sampling rate. is_binned: a sample is of the time from it to the next one.
    """
    if kind in dataset:
        values = np.concatenate([dataset[kind].values, values])
        channels = [*dataset[f"{kind}_channel"].values.tolist(), *channels]
        formulas = [*dataset[f"{kind}_formula"].values.tolist(), *formulas]
        dataset = dataset.drop_dims([f"{kind}_channel", f"{kind}_sample"])
    attributes = {"units": unit, "sampling_rate": 1 / every, "long_name": ACTIVITY[kind].long_name}
    variables: dict[str, Any] = {kind: ((f"{kind}_channel", f"{kind}_sample"), values, attributes)}
    said = {"long_name": ACTIVITY[f"{kind}_formula"].long_name}
    variables[f"{kind}_formula"] = (f"{kind}_channel", np.array(formulas, str), said)
    edges = np.array([dataset.segment_start.values, dataset.segment_stop.values]) / every
    if is_binned:  # only bins that lie in the segment as a whole
        starts, stops = np.ceil(edges[0] - EDGE).astype(int), np.floor(edges[1] + EDGE).astype(int)
        times = starts * every
    else:  # a sample is what a step has left: it stands at the end of the step, `every` after the start
        starts, stops = np.round(edges).astype(int)
        times = (starts + 1) * every
    count = np.maximum(np.minimum(stops, values.shape[1]) - starts, 0)
    book = {"first_sample": starts, "sample_count": count, "t_start": times}
    for name, found in book.items():
        declared = ACTIVITY[f"{kind}_{name}"]
        variables[f"{kind}_{name}"] = ("segment", found, {"units": declared.units, "long_name": declared.long_name})
    dataset = dataset.drop_vars([k for k in variables if k in dataset]).assign(variables)
    return dataset.assign_coords({f"{kind}_channel": list(channels)})


def covariate(stimulus: xr.Dataset, segment_start: np.ndarray) -> xr.Dataset:
    """The stimulus as it was presented in the last segment; it is stored once."""
    kept = ["covariate", *(k for k in ("covariate_bandwidth",) if k in stimulus)]
    dataset = stimulus[kept].copy()
    count = np.zeros(segment_start.size, np.int64)
    count[-1] = stimulus.sizes["covariate_sample"]
    for name, values in {"first_sample": np.zeros_like(count), "sample_count": count, "t_start": segment_start}.items():
        declared = ACTIVITY[f"covariate_{name}"]
        dataset[f"covariate_{name}"] = ("segment", values, {"units": declared.units, "long_name": declared.long_name})
    return dataset


def made_covariates(covariates: Mapping[str, tuple[np.ndarray, float]], edges: np.ndarray) -> xr.Dataset:
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
