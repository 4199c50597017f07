"""What the laws of mechanisms share: example parameters, and one projection on a bench, whose spikes are given."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.numerics.channels import Channel, Decaying
from homeoanalysis.numerics.mechanism import Grid, Membrane, Site
from homeoanalysis.numerics.traces import trace
from homeoanalysis.simulate.populations import Spikes
from homeoanalysis.simulate.projections import pairs, weights
from homeoanalysis.simulate.projections.hooks import Rows, deliver, drift_on, learn, rescale
from homeoanalysis.simulate.projections.making import make_projection

GRID = Grid(1e-4, 100, np.dtype(float))
FLOAT32 = GRID._replace(dtype=np.dtype(np.float32))
TOP = 1e-8  # upper bound of the weights on the bench
# Values that make any parameter without a default valid, by its name; a file with other needs extends this.
EXAMPLES: dict[str, Any] = {
    "population": "cell",
    "channel": "excitatory",
    "rate": "2 kHz",
    "weight": "1 nS",
    "sigma": "2 mV",
    "recording": "grasshopper",
    "gain": "1 mV/dB",
    "inputs": ["drive"],
    "scale": 0.5,
    "start": "1 s",
    "probability": 0.3,
    "projection": "synapses",
    "pulses": ["1 s", "0.5 s"],
    "target_rate": "5 Hz",
    "growth": "2.5 Hz",
    "rate_max": "200 Hz",
    "half": "15 mV",
    "slope": "2 mV",
    "tau": "5 ms",
    "tau_rise": "2 ms",
    "tau_decay": "10 ms",
    "correlation": 0.2,
    "in_degree": 5,
    "neighbours": 4,
    "rewiring": 0.3,
    "modules": 3,
    "within": 0.5,
    "between": 0.1,
    "width": "200 um",
    "file": str(Path(__file__).parent / "laws" / "pairs.csv"),
    "populations": ["cell"],
    "projections": ["synapses"],
    "rule": "synapses.pair_stdp",
    "of": "synapses.pair_stdp.asymmetry",
    "value": 0.9,
    "rates": [["0 s", "2 kHz"]],
    "drives": [["0 s", "20 mV"]],
    "period": "5 ms",
    "frequency": "10 Hz",
    "stimuli": 3,
    "repeats": 2,
    "trial": "5 ms",
}

# Of optional parameters of which at least one is needed.
NEEDED: dict[str, dict[str, Any]] = {"neuromodulator": {"transmission": {"synapses": 0.5}}}


def written(folder: str, name: str) -> dict[str, Any]:
    """The parameters that an entry needs, as the YAML has them."""
    fields = catalogue.parameters(folder, name).model_fields
    return {key: EXAMPLES[key] for key, field in fields.items() if field.is_required()} | NEEDED.get(name, {})


def parameters(folder: str, name: str, **override: Any) -> dict[str, Any]:
    """The SI values of valid parameters; `override` as the YAML has them."""
    schema = catalogue.parameters(folder, name)
    model = schema(**(written(folder, name) | override))
    return {key: getattr(model, key) for key in schema.model_fields}


def instance(folder: str, name: str, **override: Any) -> Any:
    """A catalogue entry with valid parameters."""
    return catalogue.load(folder, name)(**parameters(folder, name, **override))


def stimulus() -> xr.Dataset:
    """The covariate of a recording of 0.1 s, a level in dB."""
    level = np.sin(np.arange(1000) / 50)[None]
    attributes = {"units": "dB", "sampling_rate": 10_000.0}
    return xr.Dataset(
        {
            "covariate": (("covariate_channel", "covariate_sample"), level, attributes),
            "covariate_sample_count": ("segment", [1000]),
        }
    )


class Nothing(NamedTuple):
    """An event rule that changes nothing, and moves its projection to event storage."""

    form = "event"  # type: ignore[misc]

    def build(self, site: Site) -> "_NothingKernel":
        """The rule for any projection."""
        return _NothingKernel(site.grid.dtype.type(0))


class _NothingKernel(NamedTuple):
    zero: Any

    @staticmethod
    def on_post(rule, i, t):  # type: ignore[no-untyped-def]
        return rule.zero

    @staticmethod
    def at_post(rule, armed, row, w, k):  # type: ignore[no-untyped-def]
        return armed * w


class Wiring(NamedTuple):
    """Which pairs are connected, with which delay (an index) and which weight: (n_source, n_post) matrices."""

    exists: np.ndarray
    delay: np.ndarray
    weight: np.ndarray
    delays: tuple[int, ...]  # steps


class Drive(NamedTuple):
    """Who spikes when, and the potentials of the target neurons: (steps, units)."""

    pre: np.ndarray
    post: np.ndarray
    v: np.ndarray


class Bench(NamedTuple):
    """A projection with the populations at its ends."""

    projection: Any
    source: Spikes
    sink: Spikes
    state: Membrane
    channel: Channel

    def matrix(self) -> np.ndarray:
        """The weights; 0 where no synapse is."""
        found = np.zeros((self.source.unit.shape[1], self.sink.unit.shape[1]))
        found[pairs(self.projection)] = weights(self.projection)
        return found


def wiring(n_source: int = 9, n_post: int = 7, delays: tuple[int, ...] = (4, 9), seed: int = 1) -> Wiring:
    """Random synapses."""
    rng, shape = np.random.default_rng(seed), (n_source, n_post)
    return Wiring(rng.random(shape) < 0.7, rng.integers(0, len(delays), shape), TOP * rng.uniform(0.2, 0.8, shape), delays)


def drive(wired: Wiring, steps: int, seed: int = 2, rate: float = 0.01) -> Drive:
    """Independent spikes with probability `rate` in each step."""
    rng, (n_source, n_post) = np.random.default_rng(seed), wired.exists.shape
    v = -0.06 + 0.01 * rng.standard_normal((steps, n_post))
    return Drive(rng.random((steps, n_source)) < rate, rng.random((steps, n_post)) < rate, v)


def bench(
    rules: list[Any],
    wired: Wiring,
    *,
    grid: Grid = GRID,
    release: tuple[Any, ...] = (),
    flush_every: int = 400,
    key: int = 1,
    offset: int = 0,
) -> Bench:
    """A projection with these rules."""
    n_source, n_post = wired.exists.shape
    source, target = np.nonzero(wired.exists)
    row = source * len(wired.delays) + wired.delay[source, target]
    order = np.lexsort((target, row))
    n_rows = n_source * len(wired.delays)
    first = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n_rows))])
    ends = [Spikes(np.zeros((32, n), np.int32), np.zeros((32, 1), np.int64), np.zeros(1, np.int64)) for n in (n_source, n_post)]
    state = Membrane(np.full(n_post, -0.06, grid.dtype), np.zeros(n_post, grid.dtype))
    channel = Channel((Decaying(trace(n_post, 0.005, grid.dt, grid.dtype), grid.dtype.type(1)),))
    projection = make_projection(
        Site(n_rows, n_post, target.size, TOP, "S", state, grid, np.uint64(key), offset),
        Rows(first, target[order].astype(np.uint16), np.asarray(wired.delays, np.int64), ends[0]),
        ends[1],
        0,
        channel,
        weight=wired.weight[source, target][order],
        rules=rules,
        is_plastic=bool(rules),
        release=release,
        flush_every=flush_every,
    )
    return Bench(projection, ends[0], ends[1], state, channel)


def play(projection, source, sink, state, driven, flush_every, one, zero, received):  # type: ignore[no-untyped-def]
    """Run the projection in the order of the loop; `received`: (steps, n_post) scaled input of each step."""
    slots = source.number.shape[0] - 1
    for t in range(driven.pre.shape[0]):
        deliver(projection, t)
        trace = projection.channel[0].trace
        for i in range(received.shape[1]):
            received[t, i] = trace.value[i]
            state.v[i] = driven.v[t, i]
        for spikes, raster in ((source, driven.pre), (sink, driven.post)):
            n = 0
            for i in range(raster.shape[1]):
                if raster[t, i]:
                    spikes.unit[t & slots, n] = i
                    n += 1
            spikes.number[t & slots, 0] = n
        drift_on(projection, t)
        learn(projection, t)
        if (t + 1) % flush_every == 0:
            rescale(projection, t, one, zero)


def run(made: Bench, driven: Drive, player: Any = play, flush_every: int = 400) -> np.ndarray:
    """Drive a bench; returns what the target neurons received, and changes the weights."""
    received = np.zeros(driven.post.shape, made.state.v.dtype)
    one = np.ones_like(made.state.v)
    with np.errstate(over="ignore"):
        player(made.projection, made.source, made.sink, made.state, driven, flush_every, one, one - one, received)
    return received
