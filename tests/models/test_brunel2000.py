"""The four states of figure 8 of Brunel 2000 (SCIENCE.md, F01), against the mean-field theory and published frequencies."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import erfcx
from spiketrains import irregularity, oscillation, rates, trains

from homeoanalysis.simulate.simulation import Simulation

SETTLED = 0.2  # [s]


class Found(NamedTuple):
    """Rate of all neurons [Hz], irregularity of E, oscillation index and frequency [Hz] of all."""

    rate: float
    cv: float
    index: float
    frequency: float

    @property
    def state(self) -> str:
        """Synchronous regular, synchronous irregular or asynchronous irregular: the classifier of F01."""
        if self.cv < 0.1:
            return "SR"
        return "SI" if self.index > 40 else "AI"


def _found(simulation: Simulation, seconds: float) -> Found:
    simulation.advance(round(seconds * 1e4))
    time, unit = trains(simulation, "E", SETTLED)
    everyone = np.concatenate([time, trains(simulation, "I", SETTLED)[0]])
    rate = np.concatenate([rates(simulation, key, SETTLED) for key in ("E", "I")]).mean()
    return Found(float(rate), irregularity(time, unit), *oscillation(everyone, SETTLED, seconds))


def _theory(g: float, outside: float) -> float:
    """The rate [Hz] at which a neuron with that recurrent input, as Gaussian noise, fires at that rate (Siegert).

    outside: rate of the external input in units of the threshold rate, 10 Hz. Independent of the package.
    """

    def response(rate: float) -> float:
        mean = 1000 * 0.1 * 0.02 * (10 * outside + rate * (1 - 0.25 * g))  # [mV]
        sd = 0.1 * np.sqrt(1000 * 0.02 * (10 * outside + rate * (1 + 0.25 * g * g)))
        integral, _ = quad(lambda u: erfcx(-u), (10 - mean) / sd, (20 - mean) / sd)  # exp(u^2) (1 + erf u)
        return float(1 / (0.002 + 0.02 * np.sqrt(np.pi) * integral))

    return float(brentq(lambda rate: response(rate) - rate, 0.5, 480))


def test_the_theory_is_that_of_the_paper():
    """Its table gives 38.0, 55.8 and 6.5 Hz; the rate of state A is near its refractory limit."""
    found = [_theory(*state) for state in ((5, 2), (6, 4), (4.5, 0.9), (3, 2))]
    assert found == pytest.approx([37.95, 55.84, 6.52, 327.0], rel=2e-3)


def _is_a(found: Found) -> bool:
    return abs(found.rate / _theory(3, 2) - 1) <= 0.05 and found.cv < 0.05 and found.state == "SR"


def _is_b(found: Found) -> bool:
    is_fast = 57 <= found.rate <= 62 and 165 <= found.frequency <= 195
    return is_fast and found.cv > 0.7 and found.index > 150 and found.state == "SI"


def _is_c(found: Found) -> bool:
    is_on_theory = abs(found.rate / _theory(5, 2) - 1) <= 0.03
    return is_on_theory and 0.36 <= found.cv <= 0.48 and found.index < 30 and found.state == "AI"


def _is_d(found: Found) -> bool:
    is_slow = 4.7 <= found.rate <= 6.7 and 18 <= found.frequency <= 27
    return is_slow and 0.45 <= found.cv <= 0.80 and found.index > 40 and found.state == "SI"


@pytest.mark.slow
def test_state_c_is_asynchronous_and_irregular(ready):
    """8 s, since the index scatters between 18 and 39 at 1 s. Seen: 38.0 Hz (published simulation 37.7), CV 0.43, index 24."""
    found = _found(ready("brunel2000"), 8.2)
    assert _is_c(found), found


@pytest.mark.slow
def test_state_b_oscillates_fast(ready):
    """Seen: 58.5 Hz (published simulation 60.7, theory 55.8), 190 Hz (180), CV 0.73, index 221."""
    found = _found(ready("brunel2000_fast"), 1.2)
    assert _is_b(found), found


def _without_network(rate: float) -> dict[str, Any]:
    """State B, but each neuron gets Poisson trains in the place of its recurrent spikes: the same input without the network."""
    silent = {name: {"weight": "0 mV"} for name in ("E_to_E", "E_to_I", "I_to_E", "I_to_I")}
    replaced = {
        f"{channel}_{key}": {"poisson_input": {"population": key, "channel": channel, "rate": f"{n * rate} Hz", "weight": weight}}
        for key in ("E", "I")
        for channel, n, weight in (("excitatory", 1000, "0.1 mV"), ("inhibitory", 250, "0.6 mV"))
    }
    return {"projections": silent, "protocols": replaced}


@pytest.mark.slow
def test_without_the_network_there_is_no_oscillation(ready):
    """Negative control of state B: the index must be below 10; 2.5 was seen elsewhere. The rate falls, and is not gated."""
    found = _found(ready("brunel2000_fast", _without_network(59.0)), 1.2)
    assert found.index < 10
    assert not _is_b(found)


@pytest.mark.slow
def test_state_d_oscillates_slowly(ready):
    """Seen: 6.0 Hz (published simulation 5.5, theory 6.5), 20 Hz (22), CV 0.69, index 126."""
    found = _found(ready("brunel2000_slow"), 4.2)
    assert _is_d(found), found


@pytest.mark.slow
def test_state_a_is_regular(ready):
    """All fire together near the rate that the refractory period allows. Seen: 333 Hz, CV 0.001."""
    found = _found(ready("brunel2000_regular"), 0.6)
    assert _is_a(found), found


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("model", "seconds", "is_state"),
    [
        ("brunel2000_regular", 0.6, _is_a),
        ("brunel2000_fast", 1.2, _is_b),
        ("brunel2000", 8.2, _is_c),
        ("brunel2000_slow", 4.2, _is_d),
    ],
)
def test_four_of_five_networks_are_in_their_state(ready, model, seconds, is_state):
    """Seeds 1 to 5; no network is in the state of another.

    Seen: A 332.5 to 333.8 Hz, CV 0.001; B 58.1 to 59.4 Hz, 180 to 190 Hz, CV 0.73 to 0.80, index 189 to 347; C 38.0 to 38.2 Hz,
    CV 0.43, index 23 to 32 (seed 2, above 30, fails); D 5.8 to 6.2 Hz, 20 to 25 Hz, CV 0.68 to 0.70, index 106 to 127. A CPU
    minute."""
    found = [_found(ready(model, seed=seed), seconds) for seed in range(1, 6)]
    assert sum(is_state(one) for one in found) >= 4, found
    others = {_is_a, _is_b, _is_c, _is_d} - {is_state}
    assert not any(is_other(one) for one in found for is_other in others)
