"""Inputs with a time course, frozen noise and patterns in trials, against what they are defined by."""

import math
import re
from typing import Any

import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError
from scipy import stats

from homeoanalysis import contracts
from homeoanalysis.config.fields import explain
from homeoanalysis.config.model import Model
from homeoanalysis.numerics.stimulus_response import pieces
from homeoanalysis.simulate import simulate
from homeoanalysis.simulate.simulation import Simulation

_DT = 1e-4


def _model(protocols: dict[str, Any], n: int = 100, seconds: float = 4.0, neuron: Any = "relay") -> Model:
    populations = {"in": {"n": n, "neuron": neuron}}
    content = {"title": "t", "dt": "0.1 ms", "duration": f"{seconds} s", "populations": populations, "protocols": protocols}
    return Model.model_validate(content)


def _relayed(protocol: dict[str, Any], n: int = 100, seconds: float = 4.0, **others: Any) -> np.ndarray:
    """Steps and units of the spikes of relays under an input."""
    ((name, given),) = protocol.items()
    end = {"population": "in", "channel": "excitatory", "weight": "1 mV"}
    simulation = Simulation(_model({"input": {name: end | given}} | others, n, seconds))
    simulation.advance(round(seconds / _DT))
    return np.concatenate(simulation.spikes["in"], axis=1)


# ---- rates that change
@pytest.mark.slow
@pytest.mark.reference("protocols/poisson_rate", against="Poisson counts of each interval", within="four standard errors")
def test_the_rate_follows_its_steps():
    rates = [["0.5 s", "20 Hz"], ["1 s", "0 Hz"], ["1.5 s", "80 Hz"], ["3 s", "5 Hz"]]
    step, unit = _relayed({"poisson_rate": {"rates": rates}})
    for low, high, rate in ((0.0, 0.5, 0), (0.5, 1.0, 20), (1.0, 1.5, 0), (1.5, 3.0, 80), (3.0, 4.0, 5)):
        inside = (step >= round(low / _DT)) & (step < round(high / _DT))
        mean = -math.expm1(-rate * _DT) * round((high - low) / _DT)
        counts = np.bincount(unit[inside], minlength=100)
        assert counts.sum() == pytest.approx(100 * mean, abs=4 * math.sqrt(100 * mean))
        if mean > 5:
            assert counts.var(ddof=1) / mean == pytest.approx(1, abs=4 * math.sqrt(2 / 99))
    assert abs(np.sum((step >= 15_000) & (step < 30_000)) - 100 * 20 * 1.5) > 1000  # control: the rate of another interval
    halved, _ = _relayed(
        {"poisson_rate": {"rates": rates}}, less={"scale_input": {"inputs": ["input"], "scale": 0.5, "start": "0 s"}}
    )
    assert halved.size == pytest.approx(step.size / 2, abs=4 * math.sqrt(step.size))


@pytest.mark.slow
@pytest.mark.reference(
    "protocols/oscillating_input", against="mean and Fourier component of the rate", within="four standard errors"
)
@pytest.mark.parametrize(("depth", "phase"), [(1.0, 0.0), (0.4, 1.0), (0.0, 0.0)])
def test_the_rate_oscillates(depth, phase):
    rate, frequency, n, seconds = 60.0, 8.0, 100, 4.0
    given = {"rate": f"{rate} Hz", "frequency": f"{frequency} Hz", "depth": depth, "phase": phase}
    step, _ = _relayed({"oscillating_input": given}, n, seconds)
    t = np.arange(round(seconds / _DT))
    p = -np.expm1(-rate * (1 + depth * np.sin(2 * math.pi * frequency * t * _DT + phase)) * _DT)
    assert step.size == pytest.approx(n * p.sum(), abs=4 * math.sqrt(n * p.sum()))
    wave = np.exp(-2j * math.pi * frequency * t * _DT)
    found, expected = wave[step].sum(), n * (p * wave).sum()
    assert abs(found - expected) < 4 * math.sqrt(n * p.sum())
    assert abs(expected) == pytest.approx(n * rate * seconds * depth / 2, rel=0.01, abs=1)
    if depth:
        assert abs(found) > 10 * math.sqrt(n * p.sum())  # a constant rate would fail


# ---- drive
@pytest.mark.slow
@pytest.mark.reference("protocols/current_steps", against="exponential relaxation to each drive", within="1e-12 V")
def test_the_membrane_relaxes_to_each_drive():
    drives = [["10 ms", "5 mV"], ["30 ms", "-2 mV"], ["35 ms", "0 mV"]]
    neuron = {"lif_current": {"v_threshold": "1 kV", "drive": "1 mV"}}
    simulation = Simulation(_model({"steps": {"current_steps": {"population": "in", "drives": drives}}}, 3, 1.0, neuron))
    v = simulation.network.neurons["in"].state.v
    v[:3] = expected = -0.06
    for steps, drive in ((100, 0.001), (200, 0.006), (50, -0.001), (100, 0.001)):
        simulation.advance(steps)
        target = -0.06 + drive
        expected = target + (expected - target) * math.exp(-steps * _DT / 0.02)
        assert np.allclose(v[:3], expected, rtol=0, atol=1e-12)


# ---- frozen noise
def _free(protocol: dict[str, Any], n: int = 200) -> np.ndarray:
    """Free membranes, less their rest, at the end of 12 periods of 50 ms: (periods, neurons)."""
    neuron = {"lif_current": {"v_threshold": "1 kV"}}
    simulation = Simulation(_model({"noise": protocol}, n, 2.0, neuron))
    v, seen = simulation.network.neurons["in"].state.v, []
    v[:n] = -0.06
    for _ in range(12):
        simulation.advance(500)
        seen.append(v[:n] + 0.06)
    return np.array(seen)


@pytest.mark.slow
@pytest.mark.reference(
    "protocols/frozen_noise",
    against="the realisation of the period before; standard deviation of the free membrane",
    within="4e-13 V; four standard errors",
)
def test_frozen_noise_repeats_itself():
    given = {"population": "in", "sigma": "3 mV", "period": "50 ms"}
    seen = _free({"frozen_noise": given})
    assert np.abs(seen[11] - seen[10]).max() < 0.03 * math.exp(-10 * 0.05 / 0.02)  # the start is forgotten with tau
    # Of 2.5 time constants the membrane sees one realisation 1 / (1 - exp(-2.5)) fold: the sum over all repetitions.
    gain = (1 - math.exp(-5)) / (1 - math.exp(-2.5)) ** 2
    assert seen[11].var() / 0.003**2 == pytest.approx(gain, abs=4 * gain * math.sqrt(2 / 200))
    assert abs(np.corrcoef(seen[11][::2], seen[11][1::2])[0, 1]) < 4 / math.sqrt(100)
    shared = _free({"frozen_noise": given | {"shared": True}})
    assert np.ptp(shared[11]) < 1e-12
    assert abs(shared[11][0]) > 1e-5
    white = _free({"white_noise": {"population": "in", "sigma": "3 mV"}})  # control
    assert np.abs(white[11] - white[10]).max() > 1e-3


def test_frozen_noise_gives_the_same_spikes_in_every_trial():
    neuron = {"lif_current": {"drive": "9 mV"}}
    noise = {"frozen_noise": {"population": "in", "sigma": "3 mV", "period": "200 ms"}}
    activity = simulate(_model({"noise": noise}, 20, 2.1, neuron))
    assert activity.sizes["trial"] == 10
    assert np.allclose(activity.trial_start, 0.2 * np.arange(10))
    assert set(activity.stimulus.values) == {"frozen noise"}
    counts = np.array(
        [np.histogram(activity.spike_time, [a, z])[0][0] for a, z in zip(activity.trial_start, activity.trial_stop, strict=True)]
    )
    assert counts.min() > 10
    assert np.ptp(counts[5:]) == 0


def _heard(**given: Any) -> xr.Dataset:
    """Two free membranes of 20 ms under shared noise, whose potential is written down at each step of 1 ms."""
    noise = {"population": "in", "sigma": "3 mV", "period": "400 ms", "shared": True} | given
    neuron = {"lif_current": {"v_threshold": "1 kV"}}
    content = {
        "title": "t",
        "dt": "1 ms",
        "duration": "2.1 s",
        "populations": {"in": {"n": 2, "neuron": neuron}},
        "protocols": {"noise": {"frozen_noise": noise}},
        "record": {"traces": {"potential": {"population": "in", "variable": "v", "units": 2, "every": "1 ms"}}},
    }
    return simulate(content)


@pytest.mark.slow
def test_a_part_of_the_noise_is_frozen_and_the_rest_is_new():
    activity = _heard(frozen="100 ms")
    contracts.check(activity, "activity/1")
    assert np.allclose(activity.trial_start, [0, 0.4, 0.8, 1.2, 1.6, 2.0])
    assert np.allclose(activity.trial_stop - activity.trial_start, 0.1)
    periods = activity.covariate.values[0, :2000].reshape(5, 400)
    assert np.ptp(periods[:, :100], axis=0).max() == 0
    new = np.corrcoef(periods[:, 100:])
    assert np.abs(new[np.triu_indices(5, 1)]).max() < 4.5 / math.sqrt(300)
    assert abs(np.mean(activity.covariate.values**2) - 1) < 4 * math.sqrt(2 / 1600)
    whole = _heard()  # control: all of it is frozen
    assert np.ptp(whole.covariate.values[0, :2000].reshape(5, 400), axis=0).max() == 0
    assert np.array_equal(whole.trial_stop, 0.4 * np.arange(1, 6))


def test_the_covariate_is_what_the_membranes_heard():
    """In steps of 1 ms, a sample for each: v -> (v + size a) exp(-1 / 20), from any start, and so of both neurons."""
    activity = _heard(frozen="100 ms")
    assert pieces(activity, bin_size=5e-3, segment=0.1).cutoff == 100  # white: half of the bins' rate
    decay = math.exp(-1 / 20)
    size = 0.003 * math.sqrt(1 - decay**2) / decay
    for v in activity.membrane_potential.values + 0.06:
        kicks = v[1:] / decay - v[:-1]
        assert np.allclose(kicks, size * activity.covariate.values[0, 1:2100], rtol=0, atol=1e-12)
    assert "covariate" not in _heard(shared=False)  # each neuron has noise of its own


def test_a_frozen_part_is_no_longer_than_its_period():
    noise = {"population": "in", "sigma": "3 mV", "period": "400 ms", "frozen": "500 ms"}
    with pytest.raises(ValidationError) as error:
        _model({"noise": {"frozen_noise": noise}}, neuron="lif_current")
    (line,) = explain(error.value, Model)
    assert "frozen is 0.5 s, longer than period, 0.4 s; make it shorter, or leave it out" in line


# ---- patterns
def _patterns(**given: Any) -> Model:
    end = {"population": "in", "channel": "excitatory", "weight": "1 mV", "rate": "100 Hz", "stimuli": 4, "repeats": 5}
    times = {"trial": "200 ms", "pause": "100 ms", "start": "50 ms"}
    return _model({"stimulus": {"patterns": end | times | given}}, 400, 6.5)


def _responses(activity: Any) -> np.ndarray:
    """Spikes of each trial and unit."""
    unit = np.repeat(np.arange(activity.sizes["unit"]), activity.spike_count.values)
    edges = [(a, z) for a, z in zip(activity.trial_start.values, activity.trial_stop.values, strict=True)]
    time = activity.spike_time.values
    return np.array(
        [np.bincount(unit[(time >= a - 1e-9) & (time < z - 1e-9)], minlength=activity.sizes["unit"]) for a, z in edges]
    )


@pytest.mark.slow
@pytest.mark.reference(
    "protocols/patterns",
    against="sizes and overlaps of random subsets, Poisson counts, uniform shares",
    within="four standard errors",
)
def test_patterns_are_random_subsets_in_labelled_trials():
    activity = simulate(_patterns(fraction=0.2))
    contracts.check(activity, "activity/1")
    assert activity.sizes["trial"] == 20
    assert np.allclose(activity.trial_start, 0.05 + 0.3 * np.arange(20))
    assert np.allclose(activity.trial_stop - activity.trial_start, 0.2)
    labels = activity.stimulus.values.reshape(5, 4)
    assert all(sorted(rounds) == [f"pattern{k}" for k in range(4)] for rounds in labels)
    assert len({tuple(rounds) for rounds in labels}) > 1  # in random order
    counts = _responses(activity)
    assert counts.sum() == activity.sizes["spike"]  # none in the pauses
    active = np.array([counts[activity.stimulus.values == f"pattern{k}"].sum(axis=0) > 0 for k in range(4)])
    assert active.sum() == pytest.approx(320, abs=4 * math.sqrt(320 * 0.8))
    overlap = [(active[a] & active[b]).sum() for a in range(4) for b in range(a)]
    assert np.sum(overlap) == pytest.approx(6 * 16, abs=4 * math.sqrt(6 * 16))
    mean = -math.expm1(-100 * _DT) * 2000
    members = np.array([counts[k, active[int(label[-1])]].mean() for k, label in enumerate(activity.stimulus.values)])
    assert members.mean() == pytest.approx(mean, abs=4 * math.sqrt(mean / (active.mean() * 400 * 20)))
    other = simulate(_patterns(fraction=0.2), replicate=1)
    assert not np.array_equal(other.stimulus, activity.stimulus)
    again = simulate(_patterns(fraction=0.2, is_cyclic=True))
    assert list(again.stimulus.values[:5]) == ["pattern0", "pattern1", "pattern2", "pattern3", "pattern0"]


@pytest.mark.slow
def test_graded_patterns_have_uniform_shares():
    activity = simulate(_patterns(kind="graded", stimuli=1, repeats=20))
    rate = _responses(activity).sum(axis=0) / (20 * 0.2)
    assert rate.mean() == pytest.approx(50, abs=4 * math.sqrt((100**2 / 12 + 50 / 4) / 400))
    assert rate.var() == pytest.approx(100**2 / 12 + 50 / 4, rel=4 * math.sqrt(0.8 / 400))
    assert stats.kstest(rate, stats.uniform(0, 100).cdf).pvalue > 1e-3
    subset = simulate(_patterns(stimuli=1, repeats=20, fraction=0.5))  # control
    assert stats.kstest(_responses(subset).sum(axis=0) / 4, stats.uniform(0, 100).cdf).pvalue < 1e-6


def test_a_trial_that_the_run_does_not_finish_is_none():
    model = _model(
        {
            "stimulus": {
                "patterns": {
                    "population": "in",
                    "channel": "excitatory",
                    "weight": "1 mV",
                    "rate": "100 Hz",
                    "stimuli": 2,
                    "repeats": 9,
                    "trial": "100 ms",
                }
            }
        },
        10,
        0.35,
    )
    activity = simulate(model)
    assert activity.sizes["trial"] == 3
    assert float(activity.trial_stop[-1]) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        (
            {"current_steps": {"population": "in", "drives": [["2 s", "1 mV"], ["1 s", "2 mV"]]}},
            "has the times 2 s, 1 s; they must",
        ),
        ({"current_steps": {"population": "in", "drives": [["1 s", "1 Hz"]]}}, "'1 Hz', not a voltage"),
        ({"current_steps": {"population": "in", "drives": []}}, "name at least one"),
        ({"current_steps": {"population": "in", "drives": [["9 s", "1 mV"]]}}, "drives has a step at 9 s, after the end"),
        (
            {"poisson_rate": {"population": "in", "channel": "excitatory", "weight": "1 mV", "rates": [["-1 s", "1 Hz"]]}},
            "they must increase, from 0 s or later on",
        ),
        (
            {
                "oscillating_input": {
                    "population": "in",
                    "channel": "excitatory",
                    "weight": "1 mV",
                    "rate": "5 Hz",
                    "frequency": "8 Hz",
                    "depth": 1.5,
                }
            },
            "depth is 1.5",
        ),
    ],
)
def test_wrong_courses_are_refused(protocol, message):
    with pytest.raises(ValidationError) as caught:
        _model({"input": protocol})
    (line,) = explain(caught.value, Model)
    assert message in line


def test_a_pattern_may_act_in_a_part_of_its_trial():
    """At 100 Hz of 5 x 4 trials of 50 ms of 400 relays 40 000 spikes; outside of that part none, and trials are as they were."""
    activity = simulate(_patterns(fraction=1.0, onset="50 ms", length="50 ms"))
    within = (activity.spike_time.values - 0.05 + 1e-9) % 0.3
    assert 0.05 <= within.min() < within.max() < 0.1
    assert abs(activity.sizes["spike"] - 40_000 * -np.expm1(-0.01) / 0.01) < 4 * 200
    assert activity.trial_stop.values - activity.trial_start.values == pytest.approx(np.full(20, 0.2))
    with pytest.raises(ValidationError, match=re.escape("acts from 0.15 s to 0.25 s of a trial of 0.2 s")):
        _patterns(onset="150 ms", length="100 ms")
