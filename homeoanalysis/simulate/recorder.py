"""From spike logs to an activity dataset."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from homeoanalysis.config.model import Model
from homeoanalysis.contracts import ACTIVITY
from homeoanalysis.errors import SimulationError
from homeoanalysis.simulate.populations import Population


def drain(populations: Mapping[str, Population]) -> dict[str, np.ndarray]:
    """The (2, spikes) steps and units logged since the last time; the logs are empty afterwards."""
    chunks = {}
    for key, p in populations.items():
        chunks[key] = p.log[:, : p.logged[0]].copy()
        p.logged[0] = 0
    return chunks


def activity(
    model: Model,
    spikes: Mapping[str, Sequence[np.ndarray]],
    edges: np.ndarray,
    epochs: Mapping[str, tuple[float, float]],
    *,
    emitted: int,
    replicate: str,
    subject: str,
    stimulus: xr.Dataset | None,
) -> xr.Dataset:
    """activity/1 of a finished run, whose segments lie between consecutive `edges` [s].

    Raises SimulationError unless all `emitted` spikes are in `spikes`.
    """
    steps, counts = [], []
    for key, chunks in spikes.items():
        step, unit = np.concatenate([np.zeros((2, 0), np.int32), *chunks], axis=1)
        steps.append(step[np.argsort(unit, kind="stable")])
        counts.append(np.bincount(unit, minlength=model.populations[key].n))
    n = [p.n for p in model.populations.values()]
    labels = list(model.populations)
    variables = {
        "segment_start": ("segment", edges[:-1]),
        "segment_stop": ("segment", edges[1:]),
        "spike_time": ("spike", np.concatenate(steps) * model.dt),
        "spike_count": ("unit", np.concatenate(counts)),
        "unit_kind": ("unit", np.full(sum(n), "simulated")),
        "cell_type": ("unit", np.repeat([p.cell_type for p in model.populations.values()], n)),
        "region": ("unit", np.repeat(labels, n)),
    }
    coordinates: dict[str, list[str]] = {"unit": [f"{key}{i}" for key, size in zip(labels, n, strict=True) for i in range(size)]}
    if epochs:
        variables["epoch_start"] = ("epoch", np.array([start for start, _ in epochs.values()]))
        variables["epoch_stop"] = ("epoch", np.array([stop for _, stop in epochs.values()]))
        coordinates["epoch"] = list(epochs)
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
    count = int(dataset.spike_count.sum())
    if count != emitted:
        raise SimulationError(
            f"replicate {replicate}: {emitted} spikes were emitted but {count} recorded; this is a bug, report it"
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
        bookkeeping=json.dumps({"spikes": {"in": emitted, "out": count, "dropped": {}}}),
    )


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
