"""The entries of a model as the mechanisms of the catalogue, and the files that they come from."""

from pathlib import Path
from typing import Any

import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.config.fields import Entry
from homeoanalysis.config.model import Model


def instance_parameters(entry: Entry, stimulus: xr.Dataset | None = None) -> dict[str, Any]:
    """The parameters in SI; `recorded` becomes the rate of the recording."""
    parameters = dict(entry.parameters)
    if parameters.get("target_rate") == "recorded" and stimulus is not None:
        parameters["target_rate"] = recorded_rate(stimulus)
    return parameters


def instance(entry: Entry, stimulus: xr.Dataset | None = None) -> Any:
    """The catalogue's NamedTuple with its parameters."""
    return catalogue.load(entry.folder, entry.name)(**instance_parameters(entry, stimulus))


def recorded_rate(activity: xr.Dataset) -> float:
    """Spikes of a recording for each second and unit of observed time [Hz]."""
    observed = float((activity.segment_stop - activity.segment_start).sum())
    return activity.sizes["spike"] / observed / activity.sizes["unit"]


def source_files(model: Model, *, is_compiled: bool = False) -> tuple[Path, ...]:
    """The catalogue files of the mechanisms that a model uses; is_compiled: of those only that the loop over time meets."""
    entries = [e for e in model.entries() if not is_compiled or _is_compiled(*e)]
    return tuple(sorted({f for folder, name in entries for f in catalogue.source_files(folder, name)}))


def _is_compiled(folder: str, name: str) -> bool:
    """A topology, and a protocol that only changes the network now and then, need no loop of their own."""
    return folder != "topologies" and (folder != "protocols" or hasattr(catalogue.load(folder, name), "build"))
