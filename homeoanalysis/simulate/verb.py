"""The verb: a model and a replicate in, an activity out."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.config.model import PRESENTATIONS, Model
from homeoanalysis.config.single import load_model
from homeoanalysis.contracts import write
from homeoanalysis.errors import ConfigError, SimulationError
from homeoanalysis.provenance import rng_for
from homeoanalysis.simulate import recorder
from homeoanalysis.simulate.checkpoint import is_other
from homeoanalysis.simulate.instances import instance
from homeoanalysis.simulate.simulation import Simulation

_THREADS = 256  # more wait for each other rather than work


def simulate(
    model: Model | Mapping[str, Any] | Path | str,
    *,
    name: str | None = None,
    replicate: int = 0,
    seed: int = 1,
    stimulus: xr.Dataset | None = None,
    threads: int = 1,
    checkpoint: Path | str | None = None,
) -> xr.Dataset:
    """Simulate one replicate of a model: checked, or as a dict, a YAML text (with a line break), or the path of a YAML file.

    name: the base model, which keys the random streams: a variant or another size draws the same streams. By default the
    one that the workflow would take for a file in config/models, else "model".
    stimulus: activity/1 of a recording with a covariate, for protocols that present it.
    threads: the result is the same, bit for bit, for any number, but for the last bit of an `lfp_proxy`, whose sums are of parts;
    more than one pays for large networks.
    checkpoint: file for the state of a run that may be killed; the same call later goes on from there. It is deleted at the
    end. Runs that present a recording are short and keep none.
    Returns activity/1 of kind "model"; the caller names the source and stamps the provenance.
    Raises ConfigError if the model is wrong, and SimulationError if the state blows up, a rate does not settle, a stimulus is
    missing, or there is not enough memory. What was simulated till a blow-up is the `activity` of the error, and, with a
    checkpoint, in a file beside it that the message names.
    """
    _check_arguments(name=name, stimulus=stimulus, checkpoint=checkpoint, replicate=replicate, seed=seed, threads=threads)
    checkpoint = None if checkpoint is None else Path(checkpoint)
    model, stream = load_model(model)
    name = stream if name is None else name
    if model.system is not None:
        course = instance(model.system).solve(rng_for(seed, "simulate", name, replicate, "system"))
        return recorder.rates(model, course, replicate=str(replicate))
    simulation = Simulation(
        model,
        name=name,
        replicate=replicate,
        seed=seed,
        stimulus=stimulus,
        threads=threads,
        checkpoint=checkpoint if model.duration is not None else None,
    )
    presenting = [p for p in simulation.network.protocols.values() if hasattr(p, "has_settled")]
    if presenting:
        (protocol,) = presenting
        period = simulation.samples(protocol.population)
        rates: list[float] = []
        while not protocol.has_settled(rates):
            rates.append(simulation.advance(period)[protocol.population] / period / model.dt)
        edges = np.arange(len(rates) + 1) * period
        spans = ((0.0, edges[-2] * model.dt), (edges[-2] * model.dt, edges[-1] * model.dt))
        epochs = dict(zip(PRESENTATIONS, spans, strict=True))
    else:
        assert model.duration is not None  # the config sees to it
        try:
            simulation.advance(round(model.duration / model.dt) - simulation.step)
        except SimulationError as error:
            _keep(error, model, simulation, str(replicate), checkpoint)
            raise
        edges = np.array([0, simulation.step])
        epochs = model.spans()
    # A condition of a recording and a realisation of the model: the realisation is the subject that meets all conditions.
    label = f"{stimulus.attrs['replicate']}-{replicate}" if presenting and stimulus is not None else str(replicate)
    dataset = recorder.activity(
        model,
        simulation,
        edges * model.dt,
        epochs,
        replicate=label,
        subject=str(replicate),
        stimulus=stimulus if presenting else None,
    )
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return dataset


def _check_arguments(*, name: object, stimulus: object, checkpoint: object, **numbers: object) -> None:
    """Raises ConfigError with one line for each argument that is none."""
    lowest, most = {"threads": 1}, {"threads": _THREADS}
    wrong = []
    for key, value in numbers.items():
        low, high = lowest.get(key, 0), most.get(key, 2**63 - 1)
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
            wrong.append(f"{key} is {value!r}; write a whole number from {low} to {high}")
    if not isinstance(name, str | None) or name == "":
        wrong.append(f"name is {name!r}; write the name of the base model, e.g. 'balanced', or leave it out")
    if not isinstance(stimulus, xr.Dataset | None):
        wrong.append(f"stimulus is {type(stimulus).__name__}; pass the activity dataset of a recording, or None")
    if not isinstance(checkpoint, str | Path | None):
        wrong.append(f"checkpoint is {type(checkpoint).__name__}; pass the path of a file, or None")
    elif checkpoint is not None and (fault := _fault_of_checkpoint(Path(checkpoint))):
        wrong.append(f"checkpoint is {str(checkpoint)!r}, {fault}")
    if wrong:
        raise ConfigError(*wrong)


def _fault_of_checkpoint(path: Path) -> str:
    """Why a checkpoint could not be written there, and the mend; empty if it can. A run of hours would tell it late."""
    nearest = next(folder for folder in path.absolute().parents if folder.exists())
    if path.is_dir():
        return "a folder; pass the path of a file in it, e.g. state.npz"
    if not nearest.is_dir():
        return f"but {nearest} is a file, no folder; name another"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"but the folder {nearest} cannot be written to; change its permissions, or name another"
    return "which is no checkpoint and would be replaced; name another file" if is_other(path) else ""


def _keep(error: SimulationError, model: Model, simulation: Simulation, replicate: str, checkpoint: Path | None) -> None:
    """Put what was simulated till then into the error, and beside the checkpoint if there is one."""
    stop = simulation.step * model.dt
    if stop == 0:
        return
    epochs = {key: (start, min(end, stop)) for key, (start, end) in model.spans().items() if start < stop}
    edges = np.array([0.0, stop])
    error.activity = recorder.activity(model, simulation, edges, epochs, replicate=replicate, subject=replicate, stimulus=None)
    if checkpoint is not None:
        path = checkpoint.with_name(f"{checkpoint.stem}.stopped.nc")
        write(error.activity, path)
        error.args = (f"{error}; the {stop:g} s till then are in {path}",)
