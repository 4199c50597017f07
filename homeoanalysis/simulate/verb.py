"""The verb: a model and a replicate in, an activity out."""

import logging
import time
from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr

from homeoanalysis.config.model import PRESENTATIONS, Model
from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.traces import levels
from homeoanalysis.simulate import recorder
from homeoanalysis.simulate.build import Network, build, sizes, tuples
from homeoanalysis.simulate.compiler import compiled
from homeoanalysis.simulate.projections import weights

_LOG = logging.getLogger(__name__)
CHUNK = 1.0  # biological time between two looks at the state [s]
_PROGRESS = 10.0  # seconds between two lines of the log


def simulate(
    model: Model, *, name: str = "model", replicate: int = 0, seed: int = 1, stimulus: xr.Dataset | None = None
) -> xr.Dataset:
    """Simulate one replicate of a model.

    name: the base model, which keys the random streams: a variant or another size draws the same streams.
    stimulus: activity/1 of a recording with a covariate, for protocols that present it.
    Returns activity/1 of kind "model"; the caller names the source and stamps the provenance.
    Raises SimulationError if the state blows up, a rate does not settle, or a stimulus is missing.
    """
    simulation = Simulation(model, name=name, replicate=replicate, seed=seed, stimulus=stimulus)
    presenting = [p for p in simulation.network.protocols.values() if hasattr(p, "has_settled")]
    if presenting:
        (protocol,) = presenting
        period = _period(simulation.network, protocol.population)
        rates: list[float] = []
        while not protocol.has_settled(rates):
            rates.append(simulation.advance(period)[protocol.population] / period / model.dt)
        edges = np.arange(len(rates) + 1) * period
        spans = ((0.0, edges[-2] * model.dt), (edges[-2] * model.dt, edges[-1] * model.dt))
        epochs = dict(zip(PRESENTATIONS, spans, strict=True))
    else:
        assert model.duration is not None  # the config sees to it
        simulation.advance(round(model.duration / model.dt))
        edges = np.array([0, simulation.step])
        epochs = model.epochs
    # A condition of a recording and a realisation of the model: the realisation is the subject that meets all conditions.
    label = f"{stimulus.attrs['replicate']}-{replicate}" if presenting and stimulus is not None else str(replicate)
    emitted = sum(int(p.logged[1]) for p in simulation.network.populations.values())
    return recorder.activity(
        model,
        simulation.spikes,
        edges * model.dt,
        epochs,
        emitted=emitted,
        replicate=label,
        subject=str(replicate),
        stimulus=stimulus if presenting else None,
    )


def _period(network: Network, population: str) -> int:
    """Steps of one presentation."""
    (samples,) = (i.samples for i in network.populations[population].injections)
    return samples.size


class Simulation:
    """A network, the step that it has reached and the spikes so far."""

    def __init__(
        self,
        model: Model,
        *,
        name: str = "model",
        replicate: int = 0,
        seed: int = 1,
        stimulus: xr.Dataset | None = None,
        run: Callable[..., int] | None = None,
    ) -> None:
        """run: the loop; `engine.run` for the plain Python reference, by default the compiled one."""
        self.network = build(model, name=name, replicate=replicate, seed=seed, stimulus=stimulus)
        self.step = 0
        self.spikes: dict[str, list[np.ndarray]] = {key: [] for key in self.network.populations}
        self._label = f"{name} replicate {replicate}"
        self._run = run or compiled(self.network.files)
        self._changes = sorted(
            ((round(p.start / model.dt), key) for key, p in self.network.protocols.items() if hasattr(p, "change")),
        )

    def advance(self, steps: int) -> Mapping[str, float]:
        """Run for some steps; returns the mean number of spikes of a neuron of each population."""
        began, begin, told = time.monotonic(), self.step, time.monotonic()
        stop = begin + steps
        dt = self.network.grid.dt
        spikes = dict.fromkeys(self.network.populations, 0)
        while self.step < stop:
            while self._changes and self._changes[0][0] <= self.step:
                self._apply(self._changes.pop(0)[1])
            upto = min([stop, self.step + max(1, round(CHUNK / dt)), *(s for s, _ in self._changes[:1])])
            self.step = self._run(*tuples(self.network), self.step, upto, self.network.grid.window)
            for key, chunk in recorder.drain(self.network.populations).items():
                self.spikes[key].append(chunk)
                spikes[key] += chunk.shape[1]
            self._check()
            if time.monotonic() - told > _PROGRESS:
                told = time.monotonic()
                speed = (self.step - begin) * dt / (told - began)
                _LOG.info("%s: %.0f s of %.0f s, %.0f x real time", self._label, self.step * dt, stop * dt, speed)
        return {key: n / sizes(self.network)[key] for key, n in spikes.items()}

    def _apply(self, protocol: str) -> None:
        network = self.network
        network.inputs.update(network.protocols[protocol].change(network.protocols, network.inputs))

    def _check(self) -> None:
        """Stop where the state is not finite any more, or a neuron gets more input than its step can take."""
        for key, p in self.network.populations.items():
            n = p.counts.size
            inputs = sum(levels(c.trace, self.step)[:n] * c.gain for c in p.channels)
            limit = getattr(type(p.kernel), "largest_input", lambda kernel: np.inf)(p.kernel)
            for quantity, values in (("membrane potential [V]", p.state.v[:n]), ("background drive [V]", p.state.drive[:n])):
                self._refuse(quantity, f"unit {key}", values, ~np.isfinite(values))
            self._refuse(f"synaptic input of a step (limit {limit:g})", f"unit {key}", inputs, ~(inputs <= limit))
        for key, projection in self.network.projections.items():
            values = weights(projection)
            self._refuse("weight", f"projection {key}, synapse ", values, ~np.isfinite(values))

    def _refuse(self, quantity: str, where: str, values: np.ndarray, is_wrong: np.ndarray) -> None:
        if is_wrong.any():
            i = int(np.flatnonzero(is_wrong)[0])
            raise SimulationError(
                f"{self._label}: by {self.step * self.network.grid.dt:g} s the {quantity} of {where}{i} has become "
                f"{values[i]:g}: a time step this long or an input this strong is unstable; make dt smaller, or weights, "
                f"gains and learning rates weaker"
            )
