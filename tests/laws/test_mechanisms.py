"""Laws of every file of neurons, synapses, topologies and protocols, and of what they have in common with rules.

A new file is tested by being there. The laws of rules are in test_rules.py.
"""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from bench import EXAMPLES, FLOAT32, GRID, instance, parameters, stimulus, written
from pydantic import ValidationError
from scipy.integrate import solve_ivp

from homeoanalysis import catalogue
from homeoanalysis.config.model import Model
from homeoanalysis.numerics.channels import Channel, Decaying, DecayingEach, Pulses, accept, inputs, present, receive, value
from homeoanalysis.numerics.composition import OPTIONS, activate, each, summed
from homeoanalysis.numerics.counter import random_key
from homeoanalysis.numerics.machine import at
from homeoanalysis.numerics.mechanism import Cell, Ends, Grid, Target
from homeoanalysis.numerics.traces import trace
from homeoanalysis.provenance import rng_for
from homeoanalysis.simulate.compiler import REFERENCE
from homeoanalysis.simulate.engine import arrive
from homeoanalysis.simulate.populations import inject, reset, step, threshold
from homeoanalysis.simulate.simulation import Simulation

FOLDERS = ("neurons", "synapses", "plasticity", "topologies", "protocols")
ENTRIES = [(folder, name) for folder in FOLDERS for name in catalogue.names(folder)]
NEURONS, SYNAPSES, _, TOPOLOGIES, PROTOCOLS = (catalogue.names(f) for f in FOLDERS)
INPUTS = [n for n in PROTOCOLS if hasattr(catalogue.load("protocols", n), "build")]
CHANGES = [n for n in PROTOCOLS if hasattr(catalogue.load("protocols", n), "change")]


@pytest.mark.parametrize(("folder", "name"), ENTRIES)
def test_one_public_object_with_a_source(folder, name):
    thing = catalogue.load(folder, name)
    text = inspect.getdoc(thing) or ""
    assert re.search(r"^Source:.*\d{4}", text, re.MULTILINE), f"{folder}/{name}.py: the docstring names no source"
    source = catalogue.source_files(folder, name)[0].read_text()
    assert len(source.splitlines()) <= 130
    assert thing.__name__ == ("".join(w.title() for w in name.split("_")) if isinstance(thing, type) else name)


@pytest.mark.parametrize(("folder", "name"), ENTRIES)
def test_imports_point_down(folder, name):
    """A catalogue file imports the foundation only: no catalogue, no verb, and no compiler."""
    tree = ast.parse(catalogue.source_files(folder, name)[0].read_text())
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    for module in imported:
        assert not module.startswith("numba")
        if module.startswith("homeoanalysis"):
            assert module.split(".")[1] in {"numerics", "units", "errors", "contracts", "provenance"}


@pytest.mark.parametrize(("folder", "name"), ENTRIES)
def test_parameters_are_a_strict_schema(folder, name):
    schema = catalogue.parameters(folder, name)
    valid = {key: EXAMPLES[key] for key, field in schema.model_fields.items() if field.is_required()}
    schema(**valid)
    with pytest.raises(ValidationError, match="no_such_key"):
        schema(**valid, no_such_key=1)
    for key, text in valid.items():
        if isinstance(text, str) and " " in text and key != "weight":
            with pytest.raises(ValidationError, match="write"):
                schema(**{**valid, key: float(text.split()[0])})  # a bare number has no unit


@pytest.mark.parametrize(("folder", "name"), [*ENTRIES, *(("systems", name) for name in catalogue.names("systems"))])
def test_nothing_that_is_no_number_or_no_duration_gets_through(folder, name):
    """Every number: not NaN, not infinite. Every time constant: neither negative nor, unless the file allows it, 0."""
    schema = catalogue.parameters(folder, name)
    valid = {key: EXAMPLES[key] for key, field in schema.model_fields.items() if field.is_required()}
    tried = 0
    for key, field in schema.model_json_schema()["properties"].items():
        options = [field, *field.get("anyOf", [])]
        if any(option.get("type") in ("number", "integer") for option in options):
            for value in (float("nan"), float("inf")):
                tried += 1
                with pytest.raises(ValidationError):
                    schema(**{**valid, key: value})
        if key.startswith("tau") and any(option.get("unit") == "s" for option in options):
            for value in ("-1 ms", "0 s") if field.get("default") != 0 else ("-1 ms",):
                tried += 1
                with pytest.raises(ValidationError, match="greater than"):
                    schema(**{**valid, key: value})
        if any("unit" in option for option in options):
            tried += 1
            with pytest.raises(ValidationError):
                schema(**{**valid, key: "nan s"})
    assert tried > 0 or not schema.model_fields or folder in ("protocols", "topologies")


@pytest.mark.slow
def test_no_config_imports_a_compiler():
    """Loading every mechanism leaves numba out."""
    code = (
        "import sys\nfrom homeoanalysis import catalogue\n"
        f"for f, n in {ENTRIES!r}: catalogue.parameters(f, n)\n"
        "assert not {'numba', 'llvmlite'} & set(sys.modules), 'numba was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def _cell(name: str, grid: Grid = GRID, **other: Any) -> Cell:
    return catalogue.load("neurons", name)(**(parameters("neurons", name) | other)).build(grid)


def _state(cell: Cell, n: int, grid: Grid, v: Any) -> Any:
    arrays = {field: np.zeros(n, grid.dtype) for field in cell.state._fields}
    for field, start in cell.start.items():
        arrays[field][:] = start
    arrays["v"][:] = v
    return cell.state(**arrays)


def _rest(name: str) -> Any:
    """The state of a neuron that nothing has reached for 2 s."""
    cell = _cell(name)
    state = _state(cell, 1, GRID, float(cell.start.get("v", cell.kernel.v_reset)))
    for _ in range(20_000):
        state.v[0] = step(cell.kernel, state, 0, _none(name), 0.0)
        assert state.v[0] <= threshold(cell.kernel, state, 0)
    return state


def _none(name: str) -> tuple[float, ...]:
    return tuple(0.0 for _ in catalogue.load("neurons", name).channels)


def _weak(name: str) -> tuple[float, ...]:
    """A weak input of every channel, in what `step` takes."""
    neuron, cell = catalogue.load("neurons", name), _cell(name)
    unit = {"S": 2e-9, "A": 5e-11, "V": 1e-3}
    return tuple(unit[u] * abs(cell.gain(key, 0.0 if u == "V" else 0.005)) for key, u in neuron.channels.items())


@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_declares_the_channels_that_it_builds(name):
    neuron = catalogue.load("neurons", name)
    cell = _cell(name)
    assert set(neuron.channels.values()) <= {"A", "S", "V"}
    assert list(neuron.synapses) == list(neuron.channels)
    taus = [0.0] if set(neuron.channels.values()) == {"V"} else [0.001, 0.02, 0.1]
    gains = [cell.gain(channel, tau) for channel in neuron.channels for tau in taus]
    assert np.all(np.isfinite(gains) & (np.array(gains) != 0))
    assert 0 <= cell.decay <= 1
    assert cell.refractory >= 0
    assert cell.refractory.dtype == np.int32
    assert cell.state._fields[:2] == ("v", "drive")
    assert set(cell.start) <= {"v", *cell.state._fields[2:]}
    for channel, entry in neuron.synapses.items():
        model = {"title": "x", "duration": "1 s", "populations": {"cell": {"n": 1, "neuron": name, "channels": {channel: entry}}}}
        assert Model.model_validate(model).populations["cell"].synapses()


def _spiking(kernel, state, given, drive, n):
    """Membranes of n neurons over 50 steps, with a reset where one fires."""
    v, top = drive, drive
    for _ in range(50):
        for i in range(n):
            v, top = step(kernel, state, i, given, drive), threshold(kernel, state, i)
            state.v[i] = v
            if v > top:
                reset(kernel, state, i)
    return v, top


@pytest.mark.slow
@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_at_rest_stays_there_and_its_step_compiles(name):
    """Without input the potential tends to rest; compiled and plain steps agree; float32 stays float32."""
    activate()
    compiled = numba.njit(**OPTIONS)(_spiking)
    rest, cell = _rest(name), _cell(name)
    distance = float(cell.kernel.v_threshold) - rest.v[0]
    for grid, tolerance in ((GRID, 1e-12), (FLOAT32, 1e-4)):
        kernel, number = _cell(name, grid).kernel, grid.dtype.type
        for given, drive in ((_none(name), 0.0), (_weak(name), 0.3 * distance)):
            first, second = (type(rest)(*(x.astype(grid.dtype) for x in rest)) for _ in range(2))
            for state in (first, second):
                state.v[0] += number(0.05 * distance)
            arguments = tuple(number(x) for x in given), number(drive), 1
            _spiking(kernel, first, *arguments)
            compiled(kernel, second, *arguments)
            for a, b in zip(first, second, strict=True):
                assert np.allclose(a, b, rtol=tolerance, atol=tolerance * 1e-3)
                assert a.dtype == grid.dtype
            returned = compiled.overloads[compiled.signatures[-1]].signature.return_type
            assert set(returned) == {numba.from_dtype(grid.dtype)}
            if drive == 0:
                assert abs(first.v[0] - rest.v[0]) <= 0.9 * abs(0.05 * distance)


def _spread(name: str) -> dict[str, np.ndarray]:
    """Three values of every parameter that is a number other than 0."""
    given = parameters("neurons", name)
    return {key: x * np.array([1.0, 0.97, 0.95]) for key, x in given.items() if isinstance(x, float) and x != 0}


@pytest.mark.slow
@pytest.mark.parametrize("name", NEURONS)
def test_neurons_with_parameters_of_their_own_are_separate_neurons(name):
    """An array in the place of each parameter, one at a time and all together, and compiled."""
    activate()
    spread, given = _spread(name), _weak(name)
    unit = catalogue.load("neurons", name).channels
    for keys in [*([key] for key in spread), list(spread)]:
        together = _cell(name, **{key: spread[key] for key in keys})
        low, high = (np.broadcast_to(x, 3) for x in (together.kernel.v_reset, together.kernel.v_threshold))
        drive = 1.5 * float(np.max(high - low))
        state = _state(together, 3, GRID, low)
        _spiking(together.kernel, state, given, drive, 3)
        for i in range(3):
            alone = _cell(name, **{key: float(spread[key][i]) for key in keys})
            own = _state(alone, 1, GRID, low[i])
            _spiking(alone.kernel, own, given, drive, 1)
            for field, values in zip(state._fields, state, strict=True):
                assert values[i] == pytest.approx(getattr(own, field)[0], rel=1e-11, abs=1e-25)
            assert at(together.refractory, i) == alone.refractory
            for channel, u in unit.items():
                tau = 0.0 if u == "V" else 0.005
                assert np.broadcast_to(together.gain(channel, tau), 3)[i] == pytest.approx(alone.gain(channel, tau), rel=1e-14)
            assert np.broadcast_to(together.decay, 3)[i] == pytest.approx(alone.decay, rel=1e-15)
    again = _state(together, 3, GRID, low)
    numba.njit(**OPTIONS)(_spiking)(together.kernel, again, given, drive, 3)
    assert np.allclose(again.v, state.v, rtol=1e-9)


def _channel(name: str, grid: Grid = GRID, n: int = 2, is_each: bool = False, **given: Any) -> Channel:
    """The channel of a neuron model that takes 1 for each unit."""
    made = []
    for term in instance("synapses", name, **given).terms():
        gain = np.full(n, grid.number(term.amplitude)) if is_each else grid.number(term.amplitude)
        if term.tau == 0:
            made.append(Pulses(np.zeros(n, grid.dtype), gain))
        else:
            made.append((DecayingEach if is_each else Decaying)(trace(n, term.tau, grid.dt, grid.dtype), gain))
    return Channel(tuple(made))


def _respond(channel, weight, first, second, out):
    """Spikes of `weight` at neuron 0 at two steps; what it sees in each."""
    for t in range(out.size):
        if t in (first, second):
            arrivals = accept(channel.terms, t)
            receive(arrivals, 0, weight)
        now = present((channel,), t)
        (out[t],) = value(now, 0)


def _response(channel: Channel, first: int, second: int = -1, steps: int = 3000) -> np.ndarray:
    out = np.zeros(steps)
    _respond(channel, 1.0, first, second, out)
    return out


@pytest.mark.parametrize("name", SYNAPSES)
def test_a_synapse_responds_as_the_sum_of_its_terms(name):
    """Starts with the spike, adds up over spikes, is the same for each neuron's own gain, and does not reach neighbours."""
    t = np.arange(2990) * GRID.dt
    terms = instance("synapses", name).terms()
    expected = np.zeros(3000)
    for term in terms:
        expected[10:] += term.amplitude * (np.exp(-t / term.tau) if term.tau else t == 0)
    single = _response(_channel(name), 10)
    assert np.allclose(single, expected, rtol=1e-11, atol=1e-14)
    assert np.allclose(_response(_channel(name, is_each=True), 10), expected, rtol=1e-11, atol=1e-14)
    both = _response(_channel(name), 10, 250)
    assert np.allclose(both, single + np.concatenate([np.zeros(240), single[:-240]]), rtol=1e-11, atol=1e-14)
    channel = _channel(name)
    _response(channel, 0, steps=700)
    if all(term.tau for term in terms):
        assert inputs(channel, 700)[0] == pytest.approx(expected[710], rel=1e-11)
    assert inputs(channel, 700)[1] == 0


def _fast_and_slow(t: np.ndarray, tau_fast: float, tau_slow: float, slow_fraction: float) -> np.ndarray:
    """The differential equations of the docstring of nmda_like."""
    found = solve_ivp(
        lambda _, g: [-g[0] / tau_fast, (g[0] - g[1]) / tau_slow], (0, t[-1]), [1.0, 0.0], t_eval=t, rtol=1e-10, atol=1e-13
    ).y
    return (1 - slow_fraction) * found[0] + slow_fraction * found[1]


def _rise_and_decay(t: np.ndarray, tau_rise: float, tau_decay: float) -> np.ndarray:
    """dx/dt = -x / tau_rise, dg/dt = x - g / tau_decay, in units of the peak of g on a fine grid."""
    fine = np.linspace(0, t[-1], 300_001)
    shape = np.exp(-fine / tau_decay) - np.exp(-fine / tau_rise)
    return np.interp(t, fine, shape / shape.max())


CLOSED = {
    "delta": lambda t: (t == 0).astype(float),
    "exponential": lambda t, tau: np.exp(-t / tau),
    "double_exponential": _rise_and_decay,
    "nmda_like": _fast_and_slow,
}


@pytest.mark.parametrize("name", SYNAPSES)
def test_a_synapse_responds_in_its_closed_form(name):
    if name not in CLOSED:
        pytest.fail(f"write the closed form of {name} into CLOSED of this file, derived without its terms")
    t = np.arange(2990) * GRID.dt
    found = _response(_channel(name), 10)[10:]
    assert np.allclose(found, CLOSED[name](t, **parameters("synapses", name)), rtol=1e-6, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("is_each", [False, True])
@pytest.mark.parametrize("name", SYNAPSES)
def test_a_synapse_compiles_and_single_precision_stays_single(name, is_each):
    activate()
    compiled = numba.njit(**OPTIONS)(_respond)
    found = np.zeros(800)
    compiled(_channel(name, is_each=is_each), 1.0, 3, 400, found)
    assert np.allclose(found, _response(_channel(name, is_each=is_each), 3, 400, 800), rtol=1e-12)

    @numba.njit(**OPTIONS)
    def seen(channel):
        return value(present((channel,), 5), 0)

    seen(_channel(name, FLOAT32, is_each=is_each))
    (overload,) = seen.overloads.values()
    assert set(overload.signature.return_type) == {numba.float32}


def _ends(n_source: int = 30, n_target: int = 40, is_recurrent: bool = False) -> Ends:
    """Two populations on one torus of 1 mm."""
    rng = np.random.default_rng(1)
    source = rng.random((n_source, 2)) * 1e-3
    target = source if is_recurrent else rng.random((n_target, 2)) * 1e-3
    return Ends(n_source, n_target, is_recurrent, source, target, 1e-3)


def _targets(rows: Any) -> list[np.ndarray]:
    return [row[0] if isinstance(row, tuple) else row for row in rows]


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_a_topology_gives_sorted_targets_and_follows_its_stream(name):
    wire, given = catalogue.load("topologies", name), parameters("topologies", name)

    def rows(*key):
        return _targets(wire(rng_for(1, *key), _ends(), **given))

    first = rows("a")
    assert len(first) == 30
    assert all(np.issubdtype(row.dtype, np.integer) for row in first)
    assert all(row.size == 0 or (row.min() >= 0 and row.max() < 40 and np.all(np.diff(row) >= 0)) for row in first)
    assert all(np.array_equal(a, b) for a, b in zip(first, rows("a"), strict=True))
    is_drawn = name != "explicit"
    assert is_drawn != all(np.array_equal(a, b) for a, b in zip(first, rows("b"), strict=True))
    assert all(j not in row for j, row in enumerate(_targets(wire(rng_for(1, "c"), _ends(30, 30, True), **given))))
    for row in wire(rng_for(1, "a"), _ends(), **given):
        assert not isinstance(row, tuple) or (row[1].shape == row[0].shape and np.all(row[1] >= 0))


def _target(n: int, offset: int = 0, total: int | None = None, grid: Grid = GRID) -> tuple[Target, Any, dict[str, Channel]]:
    """Some neurons of a population of the conductance neuron."""
    size = -(-n // 64) * 64
    channels = {key: _channel("exponential", grid, size) for key in ("excitatory", "inhibitory")}
    cell = _cell("lif_conductance", grid)
    membrane = _state(cell, size, grid, -0.06)
    units = {"excitatory": "S", "inhibitory": "S"}
    terms = {key: c.terms for key, c in channels.items()}
    return Target(n, offset, cell, membrane, terms, units, grid, stimulus()), membrane, channels


def _act(items, injections, steps):
    total = 0.0
    for t in range(steps):
        arrive(items, t)
        total += inject(injections, t)
    return total


def _effect(name: str, target: Target, membrane: Any, channels: dict[str, Channel], run: Any, steps: int = 200) -> np.ndarray:
    """Sum of the injected drive, then what the neurons have got: (quantities, neurons)."""
    made = instance("protocols", name).build(target, random_key(rng_for(1, "law")))
    is_injection = hasattr(type(made), "inject")
    with np.errstate(over="ignore"):
        total = run(() if is_injection else (made,), (made,) if is_injection else (), steps)
    seen = [inputs(c, steps) for c in channels.values()]
    return np.array([np.full(membrane.v.size, total), membrane.v, *seen])


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_compiles_to_what_python_does(name):
    """The same random words and the same effect on the population after 200 steps; the padding is left alone."""
    activate()
    effects = [_effect(name, *_target(5), run) for run in (_act, numba.njit(**OPTIONS)(_act))]
    assert np.allclose(*effects, rtol=1e-12)
    nothing = np.zeros((4, 64))
    nothing[1] = -0.06
    assert not np.array_equal(effects[0][:, :5], nothing[:, :5])
    assert np.array_equal(effects[0][1:, 5:], nothing[1:, 5:])


@pytest.mark.parametrize("name", INPUTS)
def test_parts_of_a_population_get_what_the_whole_gets(name):
    """600 neurons in one and in two parts: bit for bit."""
    whole = _effect(name, *_target(600), _act, 20)
    first, second = _effect(name, *_target(512), _act, 20), _effect(name, *_target(88, 512), _act, 20)
    assert np.array_equal(whole[:, :600], np.concatenate([first, second[:, :88]], axis=1))


NETWORK: dict[str, Any] = {
    "title": "a network that protocols change",
    "duration": "3 s",
    "populations": {
        "cell": {
            "n": 4,
            "neuron": {"lif_conductance": {"drive": "15 mV"}},
            "plasticity": [{"intrinsic_drive": {"target_rate": "5 Hz"}}],
        }
    },
    "projections": {
        "synapses": {
            "source": "cell",
            "target": "cell",
            "channel": "excitatory",
            "topology": {"fixed_probability": {"probability": 0.5}},
            "weight": "1 nS",
            "weight_max": "10 nS",
            "delay": "1 ms",
            "plasticity": ["pair_stdp", "three_factor_stdp", {"synaptic_scaling": {"target_rate": "5 Hz"}}],
        }
    },
    "protocols": {
        "drive": {
            "correlated_input": {
                "population": "cell",
                "channel": "excitatory",
                "rate": "2 kHz",
                "correlation": 0.5,
                "weight": "1 nS",
            }
        }
    },
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_network_changes_no_type(name):
    """Or the loop would be compiled anew in the middle of a run; the run goes on, and spares the spikes before it."""
    model = Model.model_validate(NETWORK | {"protocols": NETWORK["protocols"] | {"change": {name: written("protocols", name)}}})
    simulation = Simulation(model, code=REFERENCE)
    network = simulation.network
    times = list(network.protocols["change"].times())
    assert times == sorted(times)
    assert all(0 <= t < 3 for t in times)

    def kinds():
        return [numba.typeof(part.arguments()) for part in network.parts]

    before = kinds()
    with np.errstate(over="ignore"):
        simulation.advance(30)
        for k in range(len(times)):
            network.protocols["change"].change(network, k)
            assert kinds() == before
            simulation.advance(30)
    assert simulation.step == 30 * (len(times) + 1)


def test_hooks_compose_in_both_languages():
    """each, summed: on a NamedTuple, on a tuple that mixes those with and without the hook, and on an empty one."""
    activate()

    class Has(NamedTuple):
        x: float
        seen: np.ndarray

        @staticmethod
        def touch(item, t):
            item.seen[0] += t

        @staticmethod
        def amount(item, t):
            return item.x * t

    class HasNot(NamedTuple):
        x: float

    @each
    def touch(item, t):
        """."""

    @summed
    def amount(item, t):
        return 0.0

    def both(items, t):
        touch(items, t)
        return amount(items, t)

    compiled = numba.njit(**OPTIONS)(both)
    for run in (both, compiled):
        a, b = Has(2.0, np.zeros(1)), Has(5.0, np.zeros(1))
        assert run((a, HasNot(1.0), b), 3) == 21
        assert (a.seen[0], b.seen[0]) == (3, 3)
        assert run(a, 3) == 6
        assert run((HasNot(1.0),), 3) == 0
        assert run((), 3) == 0
