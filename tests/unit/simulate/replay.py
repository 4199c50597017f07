"""Plastic synapses between neurons that fire when the test says so, and what a rule must do to them, step by step."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numba
import numpy as np

from homeoanalysis.config.model import Model
from homeoanalysis.numerics.composition import OPTIONS, activate
from homeoanalysis.simulate.compiler import REFERENCE, Code
from homeoanalysis.simulate.projections import pairs, weights
from homeoanalysis.simulate.simulation import Simulation

Train = Sequence[int] | np.ndarray  # steps
NEURON = {"lif_delta": {"refractory": "0 s"}}


class _Forced(NamedTuple):
    """Spikes at given steps: neuron `unit[k]` is pushed over its threshold at `step[k]`."""

    v: np.ndarray
    step: np.ndarray
    unit: np.ndarray
    at: np.ndarray

    @staticmethod
    def arrive(item, t):
        while item.at[0] < item.step.size and item.step[item.at[0]] == t:
            item.v[item.unit[item.at[0]]] = 1000
            item.at[0] += 1


class _Held(NamedTuple):
    """Potentials that the neurons have at the end of each step: free membranes at rest at 0 V that are driven there."""

    v: np.ndarray
    drive: np.ndarray
    is_even: np.ndarray
    trace: np.ndarray  # (steps, n) [V]

    @staticmethod
    def arrive(item, t):
        for i in range(item.trace.shape[1]):
            item.v[i] = item.drive[i] = item.trace[t, i]
        item.is_even[0] = 0


def model(
    rules: dict[str, Any],
    n_pre: int,
    n_post: int,
    *,
    weight: str | dict[str, Any] = "1 mV",
    weight_max: str = "2 mV",
    dt: str = "1 ms",
    seconds: float = 1000.0,
    post: dict[str, Any] = NEURON,
    **options: Any,
) -> Model:
    """Projections `name: [rules]` from every neuron of `pre` to every neuron of `post`; the delay is one step."""
    wire = {"source": "pre", "target": "post", "channel": "excitatory", "topology": {"fixed_probability": {"probability": 1.0}}}
    wire |= {"weight": weight, "weight_max": weight_max, "delay": dt}
    return Model.model_validate(
        {
            "title": "plastic synapses",
            "dt": dt,
            "duration": f"{seconds} s",
            "populations": {"pre": {"n": n_pre, "neuron": NEURON}, "post": {"n": n_post, "neuron": post}},
            "projections": {name: {**wire, "plasticity": r} for name, r in rules.items()},
            **options,
        }
    )


def uncached() -> Code:
    """The compiled loop for mechanisms that only a test defines: they must not enter the cache on disk."""
    activate()
    return Code(*(numba.njit(**OPTIONS)(f) for f in REFERENCE))


def forced(model: Model, arriving: Sequence[Train], post: Sequence[Train], code: Code = REFERENCE) -> Simulation:
    """A network that transmits nothing: presynaptic spikes arrive, and postsynaptic ones are emitted, at these steps."""
    simulation = Simulation(model, code=code)
    network = simulation.network
    for name in network.parts[0].projections:
        network.scale_transmission(name, 0.0)
    for name, trains, shift in (("pre", arriving, 1), ("post", post, 0)):
        step = np.concatenate([np.asarray(train, np.int64) - shift for train in trains])
        unit = np.concatenate([np.full(len(train), i) for i, train in enumerate(trains)])
        order = np.argsort(step, kind="stable")
        state = network.parts[0].populations[name].state
        state.v[:] = 0
        network.parts[0].inputs[name] = _Forced(state.v, step[order], unit[order], np.zeros(1, np.int64))
    return simulation


def hold(simulation: Simulation, trace: np.ndarray) -> None:
    """The postsynaptic neurons (lif_delta) have these potentials (steps, n) [V] instead."""
    post = simulation.network.parts[0].populations["post"]
    simulation.network.parts[0].inputs["post"] = _Held(post.state.v, post.state.drive, post.is_even, trace)


def matrix(simulation: Simulation, name: str) -> np.ndarray:
    """The weights of an all-to-all projection (pre, post), without what is owed to them."""
    projection: Any = simulation.network.parts[0].projections[name]
    source, target = pairs(projection)
    found = np.full((source.max() + 1, target.max() + 1), np.nan)
    found[source, target] = weights(projection)
    return found


def raster(trains: Sequence[Train], steps: int) -> np.ndarray:
    """(steps, n) whether each neuron fires."""
    fired = np.zeros((steps, len(trains)), bool)
    for i, train in enumerate(trains):
        fired[np.asarray(train, int), i] = True
    return fired


def poisson(rng: np.random.Generator, n: int, rate: float, steps: int, dt: float = 1e-3) -> list[np.ndarray]:
    """Trains that fire in a step with probability rate dt."""
    return [np.flatnonzero(rng.random(steps) < rate * dt) for _ in range(n)]


class Decays:
    """Traces (n,) in float64 that decay at every step and jump by one, or to one, at a spike."""

    def __init__(self, n: int, tau: float, dt: float, *, nearest: bool = False) -> None:
        self.now, self.keep, self.nearest = np.zeros(n), np.exp(-dt / tau), nearest

    def decay(self) -> np.ndarray:
        self.now = self.now * self.keep
        return self.now

    def jump(self, fired: np.ndarray) -> None:
        self.now = np.where(fired, 1.0 if self.nearest else self.now + 1, self.now)


def dense(
    pre: np.ndarray,
    post: np.ndarray,
    w: np.ndarray,
    top: float,
    on_pre: Callable[..., Any],
    on_post: Callable[..., Any],
    **traces: Any,
) -> np.ndarray:
    """Weights (pre, post) after the rasters: `on_pre(w, traces)` and `on_post` give the change of the whole matrix.

    Traces are given as `x=(side, Decays)`. A presynaptic spike comes first; each side jumps after its changes.
    """
    w = w.copy()
    for arrived, emitted in zip(pre, post, strict=True):
        now = {name: trace.decay()[:, None] if side == "pre" else trace.decay() for name, (side, trace) in traces.items()}
        for fired, change, side in ((arrived[:, None], on_pre, "pre"), (emitted, on_post, "post")):
            if fired.any():
                w = np.where(fired, np.clip(w + change(w, now), 0, top), w)
                for name, (own, trace) in traces.items():
                    if own == side:
                        trace.jump(np.ravel(fired))
                        now[name] = trace.now[:, None] if side == "pre" else trace.now
    return w
