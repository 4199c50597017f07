"""Recording inside the loop: state variables, synaptic inputs, and a stand-in for the local field potential."""

from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.config.model import Model
from homeoanalysis.numerics.channels import present, value
from homeoanalysis.numerics.composition import each
from homeoanalysis.simulate.network import Network, field_probe


@each
def currents(kernel, state, i, inputs, out):  # type: ignore[no-untyped-def]
    """What the excitatory and the inhibitory input add to v in this step; the default is for inputs that add."""
    out[0] = inputs[0]
    out[1] = inputs[1]


class StateProbe(NamedTuple):
    """A state variable of the first neurons of a part."""

    values: np.ndarray
    n: int
    every: int  # steps
    out: np.ndarray  # (samples, n)

    @staticmethod
    def sample(probe, t):  # type: ignore[no-untyped-def]
        if (t + 1) % probe.every == 0:
            row = (t + 1) // probe.every - 1
            for i in range(probe.n):
                probe.out[row, i] = probe.values[i]


class ChannelProbe(NamedTuple):
    """A synaptic input, in the unit of its weights."""

    channel: Any
    n: int
    every: int
    out: np.ndarray

    @staticmethod
    def sample(probe, t):  # type: ignore[no-untyped-def]
        if (t + 1) % probe.every == 0:
            row = (t + 1) // probe.every - 1
            now = present((probe.channel,), t)
            for i in range(probe.n):
                probe.out[row, i] = value(now, i)[0]


class FieldProbe(NamedTuple):
    """Sums over neurons of |excitatory| and |inhibitory| input."""

    kernel: Any
    state: Any
    channels: tuple
    n: int
    every: int
    pair: np.ndarray  # (2,) at hand
    out: np.ndarray  # (samples, 2)

    @staticmethod
    def sample(probe, t):  # type: ignore[no-untyped-def]
        if (t + 1) % probe.every == 0:
            row = (t + 1) // probe.every - 1
            now = present(probe.channels, t)
            for i in range(probe.n):
                currents(probe.kernel, probe.state, i, value(now, i), probe.pair)
                probe.out[row, 0] += abs(probe.pair[0])
                probe.out[row, 1] += abs(probe.pair[1])


FIELD = "lfp_proxy"


def attach(network: Network, model: Model, steps: int) -> None:
    """Put the probes that `model.record` asks for into the parts of a network that runs for so many steps."""
    record, grid = model.record, network.grid
    for name, wanted in record.traces.items():
        left, samples = wanted.units, steps // int(grid.steps(wanted.every))
        for part in network.parts:
            p = part.populations[wanted.population]
            n = min(left, p.counts.size)
            left -= n
            out = np.zeros((samples, n))
            if wanted.variable in type(p.state)._fields:
                part.probes[name] = StateProbe(getattr(p.state, wanted.variable), n, int(grid.steps(wanted.every)), out)
            else:
                k = list(network.neurons[wanted.population].weight_units).index(wanted.variable)
                amplitudes = network.make.amplitudes(wanted.population)[wanted.variable]
                terms = tuple(t._replace(gain=grid.number(a)) for t, a in zip(p.channels[k].terms, amplitudes, strict=True))
                part.probes[name] = ChannelProbe(p.channels[k]._replace(terms=terms), n, int(grid.steps(wanted.every)), out)
    if record.lfp_proxy is not None:
        every = int(grid.steps(record.lfp_proxy.every))
        for part in network.parts:
            for name in record.lfp_proxy.populations:
                p, out = part.populations[name], np.zeros((steps // every, 2))
                part.probes[field_probe(name)] = FieldProbe(p.kernel, p.state, p.channels, p.counts.size, every, np.zeros(2), out)


def take(network: Network, model: Model, until: int) -> dict[str, np.ndarray]:
    """(channels, samples) of each trace and of the field, of the first `until` steps; the parts are put together."""
    found = {}
    for name, wanted in model.record.traces.items():
        rows = until // int(network.grid.steps(wanted.every))
        found[name] = np.concatenate([part.probes[name].out[:rows] for part in network.parts], axis=1).T
    wanted_field = model.record.lfp_proxy
    if wanted_field is not None:
        rows = until // int(network.grid.steps(wanted_field.every))
        back = int(network.grid.steps(wanted_field.delay)) // int(network.grid.steps(wanted_field.every))
        fields = []
        for name in wanted_field.populations:
            whole = network.neurons[name]
            # (1 - decay) is what a step takes of a constant input, so that both sums become drives.
            per_drive = whole.n * (1 - float(np.mean(whole.cell.decay)))
            excitatory, inhibitory = sum(part.probes[field_probe(name)].out[:rows] for part in network.parts).T / per_drive
            delayed = np.concatenate([np.zeros(back), excitatory])[: excitatory.size]
            fields.append(delayed + wanted_field.ratio * inhibitory)
        found[FIELD] = np.stack(fields)
    return found
