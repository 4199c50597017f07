"""Laws of every file of plasticity. A new rule is tested by being there."""

from typing import Any

import numba
import numpy as np
import pytest
from bench import FLOAT32, GRID, TOP, Nothing, bench, drive, instance, play, run, wiring

from homeoanalysis import catalogue
from homeoanalysis.numerics.composition import OPTIONS, activate
from homeoanalysis.numerics.mechanism import Membrane, Site, Window
from homeoanalysis.simulate.projections import Event, Forward, Static
from homeoanalysis.simulate.projections.hooks import (
    arm,
    at_post,
    deliver,
    drift,
    drift_on,
    learn,
    on_post,
    on_pre,
    release,
    watch,
)

RULES = {name: instance("plasticity", name).form for name in catalogue.names("plasticity")}
FAST = [name for name, form in RULES.items() if form in {"forward", "event"}]
RELEASE = [name for name, form in RULES.items() if form == "release"]
SLOW = [name for name, form in RULES.items() if form == "slow"]
INTRINSIC = [name for name, form in RULES.items() if form == "intrinsic"]
STEPS = 2000
# Parameters under which a rule takes other paths than with its defaults.
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "pair_stdp": [
        {"pairing": "nearest"},
        {"mu_minus": 0.4},
        {"mu_plus": 0.4, "mu_minus": 0.4},
        {"mu_plus": 1.0, "mu_minus": 1.0, "pairing": "nearest", "tau_plus": "10 ms"},
    ],
    "synaptic_scaling": [{"kind": "additive", "integral_gain": "0.1 1/s^2", "tau_rate": "10 s"}],
}


def _cases(names: list[str]) -> list[Any]:
    given = [(name, variant) for name in names for variant in [{}, *VARIANTS.get(name, [])]]
    return [pytest.param(*case, id="-".join([case[0], *map(str, case[1].values())])) for case in given]


def _made(name: str, variant: dict[str, Any], wired: Any = None, **options: Any) -> Any:
    """A bench with one fast or release rule."""
    rule = instance("plasticity", name, **variant)
    is_release = rule.form == "release"
    return bench([] if is_release else [rule], wired or wiring(), release=(rule,) if is_release else (), **options)


def _is_random(name: str, variant: dict[str, Any]) -> bool:
    """Whether a rule draws random numbers."""
    found = []
    for key in (1, 2):
        made = _made(name, variant, key=key)
        found.append((run(made, drive(wiring(), 500)), made.matrix()))
    return not all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


def test_every_rule_has_a_known_form():
    assert set(RULES.values()) <= {"forward", "event", "release", "slow", "intrinsic", "structural", "presynaptic"}


@pytest.fixture(scope="module")
def compiled_play():
    """One function for all: rules of the same types share the machine code."""
    activate()
    return numba.njit(**OPTIONS)(play)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "variant"), _cases(FAST + RELEASE))
def test_a_compiled_projection_is_the_plain_one(name, variant, compiled_play):
    """Random spikes of both sides: all that is transmitted, and all weights at the end."""
    found = []
    for player in (play, compiled_play):
        made = _made(name, variant)
        found.append((run(made, drive(wiring(), STEPS), player), made.matrix()))
    assert np.allclose(*(received for received, _ in found), rtol=1e-11, atol=0)
    assert np.allclose(*(matrix for _, matrix in found), rtol=1e-10, atol=0)
    still = bench([], wiring())
    received = run(still, drive(wiring(), STEPS))
    assert not np.allclose(found[0][0], received)  # the rule does something
    assert isinstance(still.projection, Static)
    assert np.array_equal(still.matrix(), np.where(wiring().exists, wiring().weight, 0))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "variant"), _cases(FAST + RELEASE))
def test_single_precision_stays_single(name, variant):
    """No hook returns a float64 where everything is float32: one float literal makes a step 1.6 times slower."""
    activate()
    rule = instance("plasticity", name, **variant)
    state = Membrane(np.full(3, -0.06, np.float32), np.zeros(3, np.float32))
    kernel = rule.build(Site(3, 3, 9, TOP, "S", state, FLOAT32, np.uint64(1)))

    @numba.njit(**OPTIONS)
    def learning(kernel, w):
        armed = arm(kernel, 0, 1)
        watch(kernel, 1)
        hit = on_post(kernel, 0, 1)
        return armed, on_pre(kernel, armed, 0, w, 0), hit, at_post(kernel, hit, 0, w, 0), drift(kernel, 0)

    @numba.njit(**OPTIONS)
    def releasing(kernel, w):
        return (release((kernel,), 0, 1, w),)

    function = releasing if rule.form == "release" else learning
    function(kernel, np.float32(1e-9))
    (overload,) = function.overloads.values()
    found = {numba.types.unliteral(kind) for kind in overload.signature.return_type}
    assert numba.float32 in found
    assert found <= {numba.float32, numba.int64}  # an integer where a rule has no such hook
    made = _made(name, variant, grid=FLOAT32)
    received = run(made, drive(wiring(), 500))
    exact = _made(name, variant)
    assert np.allclose(received, run(exact, drive(wiring(), 500)), rtol=1e-3)
    assert np.allclose(made.matrix(), exact.matrix(), rtol=1e-3)


@pytest.mark.parametrize(("name", "variant"), _cases(FAST))
def test_a_forward_rule_learns_the_same_in_event_storage(name, variant):
    """Two delays, presynaptic ends of their own for each; debts are paid at odd times."""
    rule, wired = instance("plasticity", name, **variant), wiring()
    driven = drive(wired, STEPS)
    native, event = bench([rule], wired, flush_every=300), bench([rule, Nothing()], wired, flush_every=300)
    assert isinstance(native.projection, Forward if rule.form == "forward" else Event)
    assert isinstance(event.projection, Event)
    received = [run(made, driven, flush_every=300) for made in (native, event)]
    assert np.allclose(*received, rtol=1e-9, atol=0)
    assert np.allclose(native.matrix(), event.matrix(), rtol=1e-9, atol=1e-9 * TOP)


@pytest.mark.parametrize(("name", "variant"), _cases(FAST))
@pytest.mark.parametrize("partner", [("inhibitory_stdp", {}), ("pair_stdp", {"mu_plus": 0.5})], ids=["forward", "event"])
def test_a_tuple_of_rules_is_the_sum(name, variant, partner):
    """The weights are put back after each half of a step, so that every change is seen by itself; bounds are left out."""
    first, second = instance("plasticity", name, **variant), instance("plasticity", partner[0], **partner[1])
    changes = []
    for rules in ([first, second], [first], [second]):
        made = bench([*rules, Nothing()], wiring())
        changes.append(_changes(made))
    start = made.projection.weight
    inside = np.all([(start + change > 0) & (start + change < TOP) for change in changes], axis=0)
    assert inside.mean() > 0.9
    assert np.allclose(changes[0][inside], (changes[1] + changes[2])[inside], rtol=1e-9, atol=1e-13 * TOP)
    assert np.abs(changes[1]).max() > 0
    assert np.abs(changes[2]).max() > 0


def _changes(made: Any) -> np.ndarray:
    """What each half of a step changes each weight by."""
    driven, start, found = drive(wiring(), 600), made.projection.weight.copy(), []
    for t in range(driven.pre.shape[0]):
        for half in (deliver, learn):
            if half is learn:
                made.state.v[:] = driven.v[t]
                for spikes, raster in ((made.source, driven.pre), (made.sink, driven.post)):
                    fired = np.flatnonzero(raster[t])
                    spikes.unit[t % 32, : fired.size], spikes.number[t % 32, 0] = fired, fired.size
            with np.errstate(over="ignore"):  # random words
                if half is learn:
                    drift_on(made.projection, t)
                half(made.projection, t)
            found.append(made.projection.weight - start)
            made.projection.weight[:] = start
    return np.array(found)


@pytest.mark.parametrize(("name", "variant"), _cases(FAST))
@pytest.mark.parametrize("is_event", [False, True])
def test_weights_stay_within_their_bounds(name, variant, is_event):
    """Changes a thousand times as large as the rule's, until weights lie at the bounds."""
    rule, wired = instance("plasticity", name, **variant), wiring()
    made = bench([rule, Nothing()] if is_event else [rule], wired)
    large = tuple(r._replace(scale_pre=1e3, scale_post=1e3) for r in made.projection.rules)
    made = made._replace(projection=made.projection._replace(rules=large))
    for seed in range(3):
        run(made, drive(wired, 400, seed=seed, rate=0.03))
        matrix = made.matrix()[wired.exists]
        assert matrix.min() >= 0
        assert matrix.max() <= TOP * (1 + 1e-12)
    assert np.any((matrix == 0) | (matrix >= TOP * (1 - 1e-12)))  # the law bites


@pytest.mark.parametrize(("name", "variant"), _cases(FAST + RELEASE))
def test_permuted_units_learn_the_same(name, variant):
    """Both populations renumbered: weights bit for bit, sums of inputs to rounding."""
    if _is_random(name, variant):
        pytest.skip("random numbers belong to the index of a unit")
    wired, rng = wiring(), np.random.default_rng(3)
    driven = drive(wired, STEPS)
    source, target = (rng.permutation(n) for n in wired.exists.shape)
    at = np.ix_(source, target)
    plain = _made(name, variant, wired)
    other = _made(name, variant, wired._replace(exists=wired.exists[at], delay=wired.delay[at], weight=wired.weight[at]))
    received = run(plain, driven)
    permuted = run(other, driven._replace(pre=driven.pre[:, source], post=driven.post[:, target], v=driven.v[:, target]))
    assert np.array_equal(plain.matrix()[at], other.matrix())
    assert np.allclose(received[:, target], permuted, rtol=1e-12)


@pytest.mark.parametrize(("name", "variant"), _cases(FAST + RELEASE))
def test_a_part_of_the_targets_learns_as_in_the_whole(name, variant):
    """What one thread owns does not depend on what another owns, nor do its random numbers: bit for bit."""
    wired = wiring()
    driven = drive(wired, STEPS)
    whole = _made(name, variant, wired)
    received = run(whole, driven)
    for mine in (slice(0, 3), slice(3, None)):
        cut = wired._replace(**{k: getattr(wired, k)[:, mine] for k in ("exists", "delay", "weight")})
        part = _made(name, variant, cut, offset=mine.start)
        found = run(part, driven._replace(post=driven.post[:, mine], v=driven.v[:, mine]))
        assert np.array_equal(found, received[:, mine])
        assert np.array_equal(part.matrix(), whole.matrix()[:, mine])


@pytest.mark.parametrize(("name", "variant"), _cases(RELEASE))
def test_a_release_changes_no_weight(name, variant):
    made = _made(name, variant)
    received = run(made, drive(wiring(), STEPS))
    assert np.array_equal(made.matrix(), np.where(wiring().exists, wiring().weight, 0))
    assert np.all(received >= 0)
    assert np.all(np.isfinite(received))


def _window(n: int, rate: np.ndarray, kernel: Any = None, order: np.ndarray | None = None, dtype: type = float) -> Window:
    """A window of 1 s of n neurons at random places; `order` renumbers them."""
    rng = np.random.default_rng(5)
    total, number, position = rng.uniform(1, 3, n) * 1e-8, rng.integers(5, 20, n), rng.random((n, 2)) * 1e-3
    order = np.arange(n) if order is None else order
    state = Membrane(np.full(64, -0.06, dtype), np.zeros(64, dtype))
    gain = np.ones(64, dtype)
    return Window(
        t=10,
        seconds=1.0,
        rate=rate,
        counts=rate.astype(np.int32),
        state=state,
        kernel=kernel,
        position=position[order],
        extent=1e-3,
        incoming=lambda: (total[order], number[order]),
        input_gain=gain,
    )


@pytest.mark.parametrize(("name", "variant"), _cases(SLOW))
def test_a_slow_rule_of_weights_permutes(name, variant):
    """And it is homeostatic if it has a target rate: weights shrink above it and grow below it. It changes no argument."""
    rule = instance("plasticity", name, **variant)
    target = getattr(rule, "target_rate", 5.0)
    rate = target * np.array([0.2, 3.0, 0.5, 2.0, 0.8, 1.5])
    order, w = np.random.default_rng(1).permutation(6), 1e-9
    plain, permuted = rule.build(6, GRID), rule.build(6, GRID)
    for _ in range(3):
        found = []
        for made, window in ((plain, _window(6, rate.copy())), (permuted, _window(6, rate[order], order=order))):
            before = window.rate.copy()
            if hasattr(made, "begin"):
                made.begin(window)
            factor, term = made.adapt(window) or (1.0, 0.0)
            found.append(np.broadcast_to(w * factor + term, 6))
            assert np.array_equal(window.rate, before)
            assert not window.state.drive.any()
        if hasattr(rule, "target_rate"):
            assert np.array_equal(found[0] < w, rate > target)
        assert np.all(np.isfinite(found[0]))
        assert np.allclose(found[0][order], found[1], rtol=1e-14)


@pytest.mark.parametrize(("name", "variant"), _cases(INTRINSIC))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_intrinsic_rule_is_homeostatic_and_permutes(name, variant, dtype):
    """Neurons above the target rate become less excitable than those below it; padding stays as it is."""
    rule = instance("plasticity", name, **variant)
    grid = GRID._replace(dtype=np.dtype(dtype))
    rate = np.array([0.0, 40.0, 1.0, 30.0, 2.0, 20.0])
    order = np.random.default_rng(1).permutation(6)
    found = []
    for permutation in (np.arange(6), order):
        kernel = instance("neurons", "lif_current").build(grid).kernel
        changed = {field: np.full(64, getattr(kernel, field), dtype) for field in getattr(rule, "changes", ())}
        made, kernel = rule.build(6, grid), kernel._replace(**changed)
        window = _window(6, rate[permutation], kernel, permutation, dtype)
        before = [values.copy() for values in (window.state.drive, window.input_gain, *changed.values())]
        for _ in range(3):
            made.adapt(window)
        after = [window.state.drive, window.input_gain, *changed.values()]
        assert any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        assert all(np.array_equal(a[6:], b[6:]) and a.dtype == dtype for a, b in zip(before, after, strict=True))
        found.append(window.state.drive[:6] - np.broadcast_to(kernel.v_threshold, 64)[:6] + window.input_gain[:6])
    high, low = rate > 10, rate < 10
    assert found[0][high].max() < found[0][low].min()
    assert np.allclose(found[0][order], found[1], rtol=1e-6 if dtype is np.float32 else 1e-14)
