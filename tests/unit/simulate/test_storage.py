"""Storage forms of synapses against each other and against a dense re-derivation."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from bench import TOP, Nothing, bench, drive, instance, run, wiring

from homeoanalysis.config.model import Model
from homeoanalysis.simulate import build, instances
from homeoanalysis.simulate.projections import Bits, Event, Forward, Static, pairs, weights
from homeoanalysis.simulate.projections.event import Acting, Immediate
from homeoanalysis.simulate.projections.making import make_projection
from homeoanalysis.simulate.simulation import Simulation

STEPS = 25_000  # 2.5 s
SPREAD = {"uniform": {"low": "0.4 ms", "high": "1.2 ms"}}
QUIET = {
    "protocols": {
        "drive_E": {"poisson_input": {"rate": "0 Hz"}},
        "drive_I": {"poisson_input": {"rate": "0 Hz"}},
        "deprivation": {"scale_input": {"start": "0 s"}},
    },
    "duration": "3 s",
}


class _Rule(NamedTuple):
    """A rule as its paper writes it: changes at arrivals (w, x_post) and at postsynaptic spikes (w, x_pre)."""

    at_pre: Any
    at_post: Any
    tau_pre: float
    tau_post: float
    is_nearest: bool = False


def _written_out(rule: Any, top: float) -> _Rule:
    """The same rule, from the equations of its source."""
    if type(rule).__name__ == "InhibitoryStdp":
        alpha, rate = 2 * rule.target_rate * rule.tau, rule.learning_rate
        return _Rule(lambda w, x: rate * (x - alpha), lambda w, x: rate * x, rule.tau, rule.tau)
    up, down = rule.learning_rate * top, rule.asymmetry * rule.learning_rate * top
    return _Rule(
        lambda w, x: -down * (w / top) ** rule.mu_minus * x,
        lambda w, x: up * (1 - w / top) ** rule.mu_plus * x,
        rule.tau_plus,
        rule.tau_minus,
        rule.pairing == "nearest",
    )


class _Dense:
    """Matrices of all pairs; traces of each synapse that decay at every step; weights that change at every spike."""

    def __init__(self, exists: np.ndarray, delay: np.ndarray, weight: np.ndarray, rules: list[_Rule], top: float) -> None:
        self.exists, self.delay, self.weight, self.rules, self.top = exists, delay, weight.copy(), rules, top
        self.pre = [np.zeros(exists.shape) for _ in rules]
        self.post = [np.zeros(exists.shape[1]) for _ in rules]
        self.fired: list[np.ndarray] = []

    def arrive(self) -> np.ndarray:
        """One step: returns the weight that arrives at each target neuron."""
        for rule, pre, post in zip(self.rules, self.pre, self.post, strict=True):
            pre *= np.exp(-1e-4 / rule.tau_pre)
            post *= np.exp(-1e-4 / rule.tau_post)
        arrived = np.zeros_like(self.exists)
        for k in np.unique(self.delay[self.exists]):
            if len(self.fired) >= k:
                arrived |= self.exists & (self.delay == k) & self.fired[-k][:, None]
        total = (self.weight * arrived).sum(axis=0)
        for rule, pre in zip(self.rules, self.pre, strict=True):
            pre[arrived] = 1 if rule.is_nearest else pre[arrived] + 1
        self._change(arrived, lambda rule, k: rule.at_pre(self.weight, self.post[k]))
        return total

    def learn(self, source: np.ndarray, sink: np.ndarray) -> None:
        """The spikes that are emitted at the end of the step."""
        self.fired.append(source)
        self._change(self.exists & sink, lambda rule, k: rule.at_post(self.weight, self.pre[k]))
        for rule, post in zip(self.rules, self.post, strict=True):
            post[sink] = 1 if rule.is_nearest else post[sink] + 1

    def _change(self, where: np.ndarray, change: Any) -> None:
        if self.rules and where.any():
            total = sum(change(rule, k) for k, rule in enumerate(self.rules))
            self.weight = np.where(where, np.clip(self.weight + total, 0, self.top), self.weight)


PAIR = {"learning_rate": 0.05, "asymmetry": 0.9}
CASES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "inhibitory": [("inhibitory_stdp", {"learning_rate": "0.6 nS", "target_rate": "60 Hz"})],
    "pair": [("pair_stdp", PAIR)],
    "pair, nearest": [("pair_stdp", PAIR | {"pairing": "nearest"})],
    "pair, two time constants": [("pair_stdp", PAIR | {"tau_plus": "10 ms", "tau_minus": "40 ms", "pairing": "nearest"})],
    "pair, mu_minus": [("pair_stdp", PAIR | {"mu_minus": 0.4})],
    "pair, multiplicative": [("pair_stdp", PAIR | {"mu_plus": 1.0, "mu_minus": 1.0, "pairing": "nearest"})],
    "pair, power law": [("pair_stdp", PAIR | {"mu_plus": 0.02, "mu_minus": 0.02})],
    "two forward": [("inhibitory_stdp", {"learning_rate": "0.2 nS", "target_rate": "40 Hz"}), ("pair_stdp", PAIR)],
    "forward and event": [
        ("inhibitory_stdp", {"learning_rate": "0.2 nS", "target_rate": "40 Hz"}),
        ("pair_stdp", PAIR | {"mu_plus": 0.5, "mu_minus": 0.5, "pairing": "nearest"}),
    ],
}


@pytest.mark.slow
@pytest.mark.reference("plasticity/pair_stdp", against="dense matrices that change at every spike", within="1e-9")
@pytest.mark.reference("plasticity/inhibitory_stdp", against="dense matrices that change at every spike", within="1e-9")
@pytest.mark.parametrize("delays", [(6,), (4, 9, 12)])
@pytest.mark.parametrize("case", CASES)
def test_given_spikes_change_weights_as_in_dense_matrices(case, delays):
    """All that is transmitted in 0.4 s at 100 Hz on both sides, and all weights, some of which lie at a bound."""
    rules, wired = [instance("plasticity", name, **given) for name, given in CASES[case]], wiring(12, 10, delays)
    driven = drive(wired, 4000)
    made = [bench(rules, wired)]
    if isinstance(made[0].projection, Forward):
        made.append(bench([*rules, Nothing()], wired))
    assert isinstance(made[-1].projection, Event)
    delay = np.asarray(delays)[wired.delay]
    dense = _Dense(wired.exists, delay, np.where(wired.exists, wired.weight, 0), [_written_out(r, TOP) for r in rules], TOP)
    conductance, expected = np.zeros(10), np.zeros((4000, 10))
    for t in range(4000):
        conductance = conductance * np.exp(-1e-4 / 0.005) + dense.arrive()
        expected[t] = conductance
        dense.learn(driven.pre[t], driven.post[t])
    for found in made:
        trace = found.projection.channel[0].trace
        down = trace.down[np.arange(4000) & (trace.down.size - 1)]
        received = run(found, driven) * down[:, None]
        assert np.allclose(received, expected, rtol=1e-9, atol=1e-9 * TOP)
        assert np.abs(found.matrix() - dense.weight).max() < 1e-9 * TOP
    values = dense.weight[wired.exists]
    has_hard_bounds = any(given.get("mu_plus", 0) in (0, 0.02) for _, given in CASES[case])
    assert np.any((values > TOP * (1 - 1e-12)) | (values == 0)) == has_hard_bounds
    assert values.std() > 0.01 * TOP


def _driven(model: Model, code: Any = None) -> Simulation:
    """No noise: every neuron has a drive of its own above threshold."""
    simulation = Simulation(model, code=code)
    for p in simulation.network.neurons.values():
        p.state.drive[: p.n] = np.linspace(0.0115, 0.02, p.n)
    return simulation


def _projection(simulation: Simulation, name: str = "I_to_E") -> Any:
    (part,) = simulation.network.parts
    return part.projections[name]


def _as_event(simulation: Simulation, rule: Any) -> None:
    (part,) = simulation.network.parts
    forward = part.projections["I_to_E"]
    part.projections["I_to_E"] = make_projection(
        simulation.network.sites["I_to_E"][0],
        forward.rows,
        forward.sink,
        0,
        part.populations["E"].channels[1],
        weight=forward.weight,
        rules=[rule, Nothing()],
        is_plastic=True,
        flush_every=simulation.network.flush_every,
    )


def _matrix(projection: Any, n_source: int, n_target: int, values: np.ndarray) -> np.ndarray:
    dense = np.zeros((n_source, n_target))
    dense[pairs(projection)] = values
    return dense


def _delays(projection: Any) -> np.ndarray:
    rows = projection.rows
    return rows.delay[np.repeat(np.arange(rows.first.size - 1), np.diff(rows.first)) % rows.delay.size]


def _simulated(model: Model, simulation: Simulation, rule: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The same network with dense matrices."""
    dt = 1e-4
    sizes = {key: p.n for key, p in simulation.network.neurons.items()}
    v = {k: p.state.v[: sizes[k]].copy() for k, p in simulation.network.neurons.items()}
    drives = {k: p.state.drive[: sizes[k]].copy() for k, p in simulation.network.neurons.items()}
    conductance = {(k, c): np.zeros(n) for k, n in sizes.items() for c in ("excitatory", "inhibitory")}
    decay = {"excitatory": np.exp(-dt / 0.005), "inhibitory": np.exp(-dt / 0.01)}
    dense = {}
    for key, m in model.projections.items():
        p, ends = _projection(simulation, key), (sizes[m.source], sizes[m.target])
        top = float(getattr(p, "weight_max", np.inf))
        exists, delay = _matrix(p, *ends, 1) > 0, _matrix(p, *ends, _delays(p)).astype(int)
        rules = [_written_out(rule, top)] if key == "I_to_E" else []
        dense[key] = _Dense(exists, delay, _matrix(p, *ends, weights(p)), rules, top)
    last = {k: np.full(n, -1000) for k, n in sizes.items()}
    fired: dict[str, list[np.ndarray]] = {k: [] for k in sizes}
    for t in range(STEPS):
        for key, m in model.projections.items():
            conductance[m.target, m.channel] += dense[key].arrive()
        for key in sizes:
            g_e, g_i = conductance[key, "excitatory"], conductance[key, "inhibitory"]
            current = (g_e * (0.0 - v[key]) + g_i * (-0.08 - v[key])) * dt / 200e-12
            v[key] = v[key] + (dt / 0.02) * ((-0.06 - v[key]) + drives[key]) + current
            v[key][t - last[key] < 50] = -0.06
            spike = v[key] > -0.05
            v[key][spike], last[key][spike] = -0.06, t
            fired[key].append(spike)
        for key, m in model.projections.items():
            dense[key].learn(fired[m.source][t], fired[m.target][t])
        for channel in conductance:
            conductance[channel] *= decay[channel[1]]
    return {k: np.array(f) for k, f in fired.items()}, dense["I_to_E"].weight


FAST = {"inhibitory_stdp": {"target_rate": "20 Hz", "learning_rate": "2 nS", "tau": "20 ms"}}
NEAREST = {"pair_stdp": {"learning_rate": 0.05, "asymmetry": 0.9, "tau_plus": "15 ms", "pairing": "nearest"}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("window", "delay", "rule", "top"),
    [("100 ms", "0.8 ms", FAST, 12), ("700 ms", SPREAD, FAST, 12), ("100 ms", SPREAD, NEAREST, 5)],
)
def test_deferred_event_and_dense_plasticity_agree(small, spikes, uncached, window, delay, rule, top):
    """Identical spikes for 2.5 s and weights to 1e-9, with weights at a bound; a long window has many live epochs."""
    plastic = {"weight": "3 nS", "weight_max": f"{top} nS", "plasticity": [rule], "delay": delay}
    model = small(**QUIET, window=window, projections={"I_to_E": plastic})
    made = instances.instance(model.projections["I_to_E"].plasticity[0])
    runs = [_driven(model)]
    assert isinstance(_projection(runs[0]), Forward)
    assert isinstance(_projection(runs[0], "E_to_E"), Static)
    if rule is FAST:
        runs.append(_driven(model, code=uncached))
        _as_event(runs[1], made)
        assert isinstance(_projection(runs[1]), Event)
    dense_spikes, dense_weights = _simulated(model, runs[0], made)
    for simulation in runs:
        simulation.advance(STEPS)
    total = 0
    for key, raster in dense_spikes.items():
        step, unit = np.nonzero(raster)
        total += step.size
        for simulation in runs:
            assert np.array_equal(spikes(simulation)[key], np.stack([step, unit]))
    assert total > 1500
    for simulation in runs:
        p = _projection(simulation)
        assert np.abs(_matrix(p, 10, 40, weights(p)) - dense_weights).max() < 1e-9 * dense_weights.max()
    values = dense_weights[dense_weights.nonzero()]
    assert values.max() == pytest.approx(top * 1e-9)  # the upper bound was reached,
    assert values.std() > 0.08 * top * 1e-9  # and weights differ


class _Decay(NamedTuple):
    form = "event"

    def build(self, site):
        return _DecayKernel(site.grid.dtype.type(0.01))


class _DecayKernel(NamedTuple):
    rate: float

    @staticmethod
    def on_post(rule, i, t):
        return rule.rate

    @staticmethod
    def at_post(rule, armed, row, w, k):
        return -armed * w


@pytest.mark.slow
def test_a_rule_that_needs_the_weight_gets_it_at_the_postsynaptic_spike(small, spikes, uncached):
    """Event form: a decay at every postsynaptic spike makes each weight w0 (1 - rate)^(spikes of its target)."""
    model = small(**QUIET)
    simulation = _driven(model, code=uncached)
    _as_event(simulation, instances.instance(model.projections["I_to_E"].plasticity[0]))
    (part,) = simulation.network.parts
    event = part.projections["I_to_E"]
    assert [type(rule) for rule in event.rules] == [Immediate, Acting]
    acting = event.rules[1]._replace(rule=_Decay().build(simulation.network.sites["I_to_E"][0]))
    part.projections["I_to_E"] = event._replace(rules=(acting,))
    simulation.advance(10_000)
    counts = np.bincount(spikes(simulation)["E"][1], minlength=40)
    assert counts.max() > counts.min() > 0
    found = weights(part.projections["I_to_E"])
    assert np.allclose(found, 3.65e-9 * 0.99 ** counts[event.rows.target], rtol=1e-12)


class _PerSynapse(NamedTuple):
    """A forward rule with a number for each synapse: how often it has transmitted."""

    form = "forward"
    tau_pre = 0.02

    def build(self, site):
        return _PerSynapseKernel(np.zeros(site.n_synapses), site.grid.dtype.type(0))


class _PerSynapseKernel(NamedTuple):
    seen: np.ndarray
    zero: float

    @staticmethod
    def on_pre(rule, armed, i, w, k):
        rule.seen[k] += 1
        return rule.zero

    @staticmethod
    def on_post(rule, i, t):
        return rule.zero


@pytest.mark.parametrize("others", [[], [Nothing()]])
def test_rules_are_told_the_synapse(others):
    """`k` counts through the whole projection in each storage, so that a rule may keep a number for each synapse."""
    wired = wiring()
    driven = drive(wired, 1000)
    made = bench([_PerSynapse(), *others], wired)
    run(made, driven)
    source, target = pairs(made.projection)
    delay = np.asarray(wired.delays)[wired.delay[source, target]]
    expected = [driven.pre[: 1000 - d, j].sum() for j, d in zip(source, delay, strict=True)]
    assert np.array_equal(made.projection.rules[0].rule.seen, expected)
    assert np.ptp(expected) > 0


def _dense_network(n: int, rules: list[Any] | None = None) -> Model:
    """300 neurons connected to n others with probability 0.3; drives differ."""
    wire = {"source": "A", "target": "B", "channel": "excitatory", "weight": "0.05 nS", "weight_max": "1 nS", "delay": "0.8 ms"}
    wire |= {"topology": {"fixed_probability": {"probability": 0.3}}, "plasticity": rules or []}
    populations = {
        name: {"n": size, "neuron": {"lif_conductance": {"drive": {"uniform": {"low": low, "high": high}}}}}
        for name, size, low, high in (("A", 300, "11 mV", "30 mV"), ("B", n, "5 mV", "15 mV"))
    }
    return Model.model_validate({"title": "dense", "duration": "1 s", "populations": populations, "projections": {"wire": wire}})


@pytest.mark.slow
@pytest.mark.parametrize("n", [512, 700])
def test_bits_transmit_what_lists_transmit(monkeypatch, spikes, uncached, n):
    """The same pairs, the same spikes; more rows at once than one pass of the adders or one sum of planes takes."""
    model = _dense_network(n)
    bits = Simulation(model, code=uncached)
    assert isinstance(_projection(bits, "wire"), Bits)
    monkeypatch.setattr(build, "_DENSE", 1.0)
    lists = Simulation(model, code=uncached)
    assert isinstance(_projection(lists, "wire"), Static)
    assert np.array_equal(pairs(_projection(bits, "wire")), pairs(_projection(lists, "wire")))
    assert np.allclose(weights(_projection(bits, "wire")), 0.05e-9, rtol=1e-15)
    for simulation in (bits, lists):
        simulation.network.neurons["A"].state.v[:140] = -0.0499  # many fire together at first
        simulation.advance(3000)
    found, expected = spikes(bits), spikes(lists)
    assert all(np.array_equal(found[key], expected[key]) for key in expected)
    assert np.bincount(found["A"][0]).max() >= 112  # two sums of 56 rows
    assert found["B"].shape[1] > 1000
    v = [s.network.neurons["B"].state.v[:n] for s in (bits, lists)]
    assert np.allclose(*v, rtol=1e-11)


@pytest.mark.slow
def test_sums_of_incoming_weights_are_the_same_in_every_storage(monkeypatch, uncached):
    rules = [[], [{"pair_stdp": {}}], [{"pair_stdp": {"mu_plus": 1.0}}]]
    simulations = [Simulation(_dense_network(700, r), code=uncached) for r in rules]
    monkeypatch.setattr(build, "_DENSE", 1.0)
    simulations.append(Simulation(_dense_network(700), code=uncached))
    assert [type(_projection(s, "wire")) for s in simulations] == [Bits, Forward, Event, Static]
    expected = np.bincount(pairs(_projection(simulations[-1], "wire"))[1], minlength=700)
    for simulation in simulations:
        total, number = simulation._incoming("wire", 700)
        assert np.array_equal(number, expected)
        assert np.allclose(total, 0.05e-9 * expected, rtol=1e-12)
