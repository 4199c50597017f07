"""Recording inside the loop: state variables, synaptic inputs, rates that rules see, and a stand-in for the field potential."""

from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.config.model import Model
from homeoanalysis.config.record import TraceRecord
from homeoanalysis.config.record_faults import detectors
from homeoanalysis.numerics.channels import present, value
from homeoanalysis.numerics.composition import each, summed
from homeoanalysis.numerics.traces import Trace, zeros
from homeoanalysis.simulate.network import Network, Part, field_probe


@each
def currents(kernel, state, i, inputs, out):  # type: ignore[no-untyped-def]
    """What the excitatory and the inhibitory input add to v in this step; the default is for inputs that add."""
    out[0] = inputs[0]
    out[1] = inputs[1]


@summed
def seen(source, i, t):  # type: ignore[no-untyped-def]
    """What a trace has of neuron i at the end of step t."""
    return 0.0


class State(NamedTuple):
    """A state variable, or a parameter that a rule changes."""

    values: np.ndarray

    @staticmethod
    def seen(source, i, t):  # type: ignore[no-untyped-def]
        return source.values[i]


class Input(NamedTuple):
    """A synaptic input, in the unit of its weights."""

    channel: Any

    @staticmethod
    def seen(source, i, t):  # type: ignore[no-untyped-def]
        return value(present((source.channel,), t), i)[0]


class Detected(NamedTuple):
    """The rate that a rule sees through a detector [Hz]."""

    trace: Trace
    tau: float

    @staticmethod
    def seen(source, i, t):  # type: ignore[no-untyped-def]
        # The trace is not settled for this: a record changes no bit of the run.
        trace = source.trace
        period = t >> trace.shift
        factor = trace.down[t - (period << trace.shift)]
        for _ in range(period - trace.clock[0]):
            factor *= trace.keep
        return trace.value[i] * factor / source.tau


class Probe(NamedTuple):
    """A trace of some neurons of a part."""

    source: Any
    unit: np.ndarray  # which neurons of the part
    every: int  # steps
    out: np.ndarray  # (samples, units)

    @staticmethod
    def sample(probe, t):  # type: ignore[no-untyped-def]
        if (t + 1) % probe.every == 0:
            row = (t + 1) // probe.every - 1
            for k in range(probe.unit.size):
                probe.out[row, k] = seen(probe.source, probe.unit[k], t)


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
        start, every = 0, int(grid.steps(wanted.every))
        for part in network.parts:
            n = part.populations[wanted.population].counts.size
            unit = wanted.chosen[(wanted.chosen >= start) & (wanted.chosen < start + n)] - start
            out = zeros((steps // every, unit.size))
            part.probes[name] = Probe(_source(network, model, wanted, part, start), unit, every, out)
            start += n
    if record.lfp_proxy is not None:
        every = int(grid.steps(record.lfp_proxy.every))
        for part in network.parts:
            for name in record.lfp_proxy.populations:
                p, out = part.populations[name], zeros((steps // every, 2))
                part.probes[field_probe(name)] = FieldProbe(p.kernel, p.state, p.channels, p.counts.size, every, zeros(2), out)


def _source(network: Network, model: Model, wanted: TraceRecord, part: Part, start: int) -> State | Input | Detected:
    """What a trace is of in a part, whose first neuron is number `start` of its population."""
    p, whole, name = part.populations[wanted.population], network.neurons[wanted.population], wanted.variable
    if name in type(p.state)._fields:
        return State(getattr(p.state, name))
    if name in whole.weight_units:
        k = list(whole.weight_units).index(name)
        amplitudes = network.make.amplitudes(wanted.population)[name]
        terms = tuple(t._replace(gain=network.grid.number(a)) for t, a in zip(p.channels[k].terms, amplitudes, strict=True))
        return Input(p.channels[k]._replace(terms=terms))
    if name in network.make.changed(wanted.population):
        return State(getattr(p.kernel, name))
    if whole.input_gain is not None and name == "input_gain":
        return State(whole.input_gain[start:])
    tau = detectors(model, wanted.population)[name]
    return Detected(p.detectors[whole.detectors.index(tau)].trace, tau)


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
