"""Laws of every file of neurons, plasticity, topologies and protocols. A new file is tested by being there."""

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
import xarray as xr
from pydantic import ValidationError

from homeoanalysis import catalogue
from homeoanalysis.numerics.composition import OPTIONS, activate, each, summed
from homeoanalysis.numerics.mechanism import Cell, Grid, Membrane, Target
from homeoanalysis.numerics.traces import trace
from homeoanalysis.provenance import rng_for
from homeoanalysis.simulate.engine import arrive
from homeoanalysis.simulate.populations import adapt, inject, step
from homeoanalysis.simulate.projections import arm, on_post, on_pre

FOLDERS = ("neurons", "plasticity", "topologies", "protocols")
ENTRIES = [(folder, name) for folder in FOLDERS for name in catalogue.names(folder)]
NEURONS, RULES, TOPOLOGIES = (catalogue.names(f) for f in FOLDERS[:3])
GRID = Grid(1e-4, 100, np.dtype(float))
# Values that make any parameter without a default valid, by its annotation; a file with other needs extends this.
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
    "target_rate": "5 Hz",
}


def _parameters(folder: str, name: str) -> dict[str, Any]:
    """The SI values of valid parameters."""
    schema = catalogue.parameters(folder, name)
    required = {key: EXAMPLES[key] for key, field in schema.model_fields.items() if field.is_required()}
    model = schema(**required)
    return {key: getattr(model, key) for key in schema.model_fields}


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
    for key, value in valid.items():
        if isinstance(value, str) and " " in value and key != "weight":
            with pytest.raises(ValidationError, match="write"):
                schema(**{**valid, key: float(value.split()[0])})  # a bare number has no unit


def test_no_config_imports_a_compiler():
    """Loading every mechanism leaves numba out."""
    code = (
        "import sys\nfrom homeoanalysis import catalogue\n"
        f"for f, n in {ENTRIES!r}: catalogue.parameters(f, n)\n"
        "assert not {'numba', 'llvmlite'} & set(sys.modules), 'numba was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def _cell(name: str, grid: Grid = GRID) -> Cell:
    return catalogue.load("neurons", name)(**_parameters("neurons", name)).build(grid)


@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_declares_the_channels_that_it_builds(name):
    declared = catalogue.load("neurons", name).channels
    cell = _cell(name)
    assert list(cell.channels) == list(declared)
    assert set(declared.values()) <= {"A", "S", "V"}
    assert all(c.tau > 0 and np.isfinite(c.gain) for c in cell.channels.values())
    assert 0 < cell.decay < 1
    assert cell.refractory >= 0


@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_at_rest_stays_there_and_its_step_compiles(name):
    """Without input the potential tends to rest; compiled and plain steps agree; float32 stays float32."""
    activate()

    @numba.njit(**OPTIONS)
    def compiled(kernel, state, inputs, drive):
        for _ in range(50):
            state.v[0] = step(kernel, state, 0, inputs, drive)
        return step(kernel, state, 0, inputs, drive)

    for dtype, tolerance in ((np.dtype(float), 1e-12), (np.dtype(np.float32), 1e-5)):
        kernel = _cell(name, GRID._replace(dtype=dtype)).kernel
        number = dtype.type
        for inputs, drive in (((0.0, 0.0), 0.0), ((1e-3, 2e-3), 0.002)):
            first, second = (Membrane(np.full(1, -0.058, dtype), np.zeros(1, dtype)) for _ in range(2))
            given = tuple(number(x) for x in inputs)
            for _ in range(50):
                first.v[0] = step(kernel, first, 0, given, number(drive))
            found = compiled(kernel, second, given, number(drive))
            assert np.allclose(second.v, first.v, rtol=tolerance)
            assert numba.typeof(found) == numba.typeof(number(0)) or dtype == np.float32  # numba returns a Python float
            signature = compiled.signatures[-1]
            assert compiled.overloads[signature].signature.return_type == numba.from_dtype(dtype)
            if drive == 0:
                assert abs(first.v[0] + 0.06) < abs(-0.058 + 0.06)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_compiles_to_what_python_does(name):
    """A random sequence of spikes: the numbers that every hook returns are the same, and so is the state after it."""
    activate()
    rule = catalogue.load("plasticity", name)(**_parameters("plasticity", name))
    rng = np.random.default_rng(1)
    if rule.form == "intrinsic":
        counts = rng.integers(0, 5, (20, 3)).astype(np.int32)

        @numba.njit(**OPTIONS)
        def slow(kernel, state, count):
            adapt(kernel, state, count)

        plain, compiled = (Membrane(np.zeros(3), np.zeros(3)) for _ in range(2))
        for count in counts:
            adapt(rule.build(GRID), plain, count)
            slow(rule.build(GRID), compiled, count)
        assert np.allclose(plain.drive, compiled.drive, rtol=1e-12)
        assert np.all(plain.drive != 0)
        high, low = (Membrane(np.zeros(1), np.zeros(1)) for _ in range(2))
        adapt(rule.build(GRID), high, np.array([1000]))
        adapt(rule.build(GRID), low, np.array([0]))
        assert high.drive[0] < 0 < low.drive[0]  # homeostatic: the drive moves against the rate
        return

    @numba.njit(**OPTIONS)
    def fast(kernel, t, is_pre, i, w):
        if is_pre:
            return on_pre(kernel, arm(kernel, i, t), i, w)
        return on_post(kernel, i, t)

    def python(kernel, t, is_pre, i, w):
        return on_pre(kernel, arm(kernel, i, t), i, w) if is_pre else on_post(kernel, i, t)

    assert rule.form in {"forward", "event"}
    plain, compiled = rule.build(3, GRID), rule.build(3, GRID)
    found = []
    for t in np.cumsum(rng.integers(1, 400, 300)):
        is_pre, i = bool(rng.random() < 0.5), int(rng.integers(3))
        found.append((python(plain, int(t), is_pre, i, 1e-9), fast(compiled, int(t), is_pre, i, 1e-9)))
        assert is_pre or rule.form == "event" or found[-1][0] >= 0  # what deferral rests on
    assert np.allclose(*np.transpose(found), rtol=1e-12)
    assert np.ptp([a for a, _ in found]) > 0


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_a_topology_gives_sorted_targets_and_follows_its_stream(name):
    wire, parameters = catalogue.load("topologies", name), _parameters("topologies", name)

    def rows(*key):
        return wire(rng_for(1, *key), 30, 40, False, **parameters)

    first = rows("a")
    assert len(first) == 30
    assert all(row.size == 0 or (row.min() >= 0 and row.max() < 40 and np.all(np.diff(row) >= 0)) for row in first)
    assert all(np.array_equal(a, b) for a, b in zip(first, rows("a"), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, rows("b"), strict=True))
    assert all(j not in row for j, row in enumerate(wire(rng_for(1, "c"), 30, 30, True, **parameters)))


@pytest.mark.parametrize("name", [n for n in catalogue.names("protocols") if hasattr(catalogue.load("protocols", n), "build")])
def test_an_input_compiles_to_what_python_does(name):
    """The same random words and the same effect on the population after 200 steps."""
    activate()
    protocol = catalogue.load("protocols", name)(**_parameters("protocols", name))

    @numba.njit(**OPTIONS)
    def loop(inputs, injections, steps):
        total = 0.0
        for t in range(steps):
            arrive(inputs, t)
            total += inject(injections, t)
        return total

    effects = []
    for run in (loop, loop.py_func):
        channels = {key: trace(8, 0.005, GRID.dt, GRID.dtype) for key in ("excitatory", "inhibitory")}
        cell, membrane = _cell("lif_conductance"), Membrane(np.full(8, -0.06), np.zeros(8))
        target = Target(5, cell, membrane, channels, {"excitatory": "S", "inhibitory": "S"}, GRID, _stimulus())
        made = protocol.build(target, rng_for(1, "law"))
        is_injection = hasattr(type(made), "inject")
        with np.errstate(over="ignore"):
            total = run(() if is_injection else (made,), (made,) if is_injection else (), 200)
        effects.append(np.concatenate([[total], membrane.v, *(c.value for c in channels.values())]))
        assert np.all(membrane.v[5:] == -0.06)  # the padding is left alone
    assert np.allclose(*effects, rtol=1e-12)
    assert not np.array_equal(effects[0], np.concatenate([[0], np.full(8, -0.06), np.zeros(16)]))


def _stimulus():
    level = np.sin(np.arange(1000) / 50)[None]
    attributes = {"units": "dB", "sampling_rate": 10_000.0}
    return xr.Dataset(
        {
            "covariate": (("covariate_channel", "covariate_sample"), level, attributes),
            "covariate_sample_count": ("segment", [1000]),
        }
    )


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
