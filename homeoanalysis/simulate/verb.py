"""The verb: a model and a replicate in, an activity out."""

from pathlib import Path

import numpy as np
import xarray as xr

from homeoanalysis.config.model import PRESENTATIONS, Model
from homeoanalysis.provenance import rng_for
from homeoanalysis.simulate import recorder
from homeoanalysis.simulate.build import instance
from homeoanalysis.simulate.simulation import Simulation


def simulate(
    model: Model,
    *,
    name: str = "model",
    replicate: int = 0,
    seed: int = 1,
    stimulus: xr.Dataset | None = None,
    threads: int = 1,
    checkpoint: Path | None = None,
) -> xr.Dataset:
    """Simulate one replicate of a model.

    name: the base model, which keys the random streams: a variant or another size draws the same streams.
    stimulus: activity/1 of a recording with a covariate, for protocols that present it.
    threads: the result is the same, bit for bit, for any number; more than one pays for large networks.
    checkpoint: file for the state of a run that may be killed; the same call later goes on from there. It is deleted at the
    end. Runs that present a recording are short and keep none.
    Returns activity/1 of kind "model"; the caller names the source and stamps the provenance.
    Raises SimulationError if the state blows up, a rate does not settle, or a stimulus is missing.
    """
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
        simulation.advance(round(model.duration / model.dt) - simulation.step)
        edges = np.array([0, simulation.step])
        epochs = model.epochs
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
