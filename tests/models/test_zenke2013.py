"""A slow rate detector lets Hebbian plasticity explode: Zenke, Hennequin & Gerstner 2013 (SCIENCE.md, F05).

`ci`: the mean field of the rule, whose stability is known. Nightly: the reduced network of config/models/zenke2013.yaml."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from homeoanalysis.errors import SimulationError

TARGET, SLOPE = 3.0, 90.0  # [Hz]; d rate / d weight at the target, measured in a static network (F05)
RATE_CONSTANT = 6.5e-3 * 0.0168 * 0.114  # A tau_plus tau_slow [s^2]


# ---- mean field
def _growth(tau: float, eta: float, *, is_frozen: bool = False) -> float:
    """Deviation of the rate from the target at the end of many time constants over that at the start.

    dw/dt = eta' rate (rate) (rate - detected^2 / target), tau d detected/dt = rate - detected, rate = target + slope (w - w*);
    is_frozen: the detector stands still at the target.
    """
    gain = eta * RATE_CONSTANT
    critical = 1 / (gain * TARGET**2 * SLOPE)

    def flow(_: float, y: np.ndarray) -> list[float]:
        rate = TARGET + SLOPE * y[0]
        detected = TARGET if is_frozen else y[1]
        return [gain * rate * rate * (rate - detected**2 / TARGET), (rate - y[1]) / tau]

    # The deviation stays so small that the flow is linear; it turns with the period 2 pi sqrt(tau critical).
    period = 2 * np.pi * np.sqrt(tau * critical)
    time = np.linspace(0, 6 * period, 2401)
    course = solve_ivp(flow, (0, time[-1]), [1e-7 / SLOPE, TARGET], t_eval=time, rtol=1e-10, atol=1e-16).y[0] * SLOPE
    return float(np.abs(course[-400:]).max() / np.abs(course[:400]).max())


def _boundary(eta: float) -> float:
    """The time constant of the detector [s] at which deviations neither grow nor shrink."""
    critical = 1 / (eta * RATE_CONSTANT * TARGET**2 * SLOPE)
    return float(brentq(lambda tau: np.log(_growth(tau, eta)), 0.5 * critical, 2 * critical, xtol=1e-3 * critical))


def test_the_critical_time_constant_is_inverse_to_the_learning_rate():
    """1 / (eta' target^2 slope): 99 s at the published learning rate. Within 5 %; slope -1 in the logarithm."""
    etas = np.array([0.3, 1.0, 3.0, 10.0])
    found = np.array([_boundary(eta) for eta in etas])
    assert found == pytest.approx(1 / (etas * RATE_CONSTANT * TARGET**2 * SLOPE), rel=0.05)
    assert found[1] == pytest.approx(99.2, rel=0.05)
    assert np.polyfit(np.log(etas), np.log(found), 1)[0] == pytest.approx(-1, abs=0.05)


def test_without_a_detector_no_time_constant_is_stable():
    """Negative control: with the detector frozen at the target, deviations grow on both sides of the boundary."""
    for tau in (30.0, 300.0):
        assert _growth(tau, 1.0, is_frozen=True) > 10
    assert _growth(30.0, 1.0) < 1 < _growth(300.0, 1.0)


# ---- network
PRIMING, ABORT, DT = 30.0, 10 * TARGET, 2.5e-5  # [s], [Hz], [s]


class Course(NamedTuple):
    """When the rate of E passed 10 times the target [s after plasticity was switched on], and the rate of the last 10 s [Hz].

    SCIENCE has 20 times; here an explosion ends at 38.5 Hz, since the refractory period does not shrink with the input.
    """

    exploded: float | None
    rate: float


def _course(ready, tau: float | None, seconds: float, seed: int) -> Course:
    """tau: of the detector [s]; None for one that stands still at the target: triplet rule with the depression of 3 Hz."""
    a_plus = 0.065
    rule: dict[str, Any] = {"bcm": {"target_rate": "3 Hz", "a_plus": a_plus, "tau_rate": f"{tau} s", "weight_reference": "10 nS"}}
    if tau is None:
        a_minus = a_plus * 0.0168 * 0.114 / 0.0337 * TARGET
        fixed = {"a2_plus": 0.0, "a3_plus": a_plus, "a2_minus": a_minus, "a3_minus": 0.0, "tau_y": "114 ms"}
        rule = {"triplet_stdp": {**fixed, "weight_reference": "10 nS"}}
    (name,) = rule
    variant = {
        "duration": f"{PRIMING + seconds} s",
        "projections": {"E_to_E": {"plasticity": [rule]}},
        "protocols": {"priming": {"switch_rule": {"rule": f"E_to_E.{name}", "start": "0 s", "stop": f"{PRIMING} s"}}},
    }
    simulation = ready("zenke2013", variant, seed=seed)
    simulation.advance(round(PRIMING / DT))
    recent: list[float] = []
    for second in range(round(seconds)):
        try:
            recent.append(simulation.advance(round(1 / DT))["E"])
        except SimulationError:  # all fire together, with weights that no time step can take
            recent.append(np.inf)
        if recent[-1] > ABORT:
            return Course(second + 1.0, recent[-1])
    return Course(None, float(np.mean(recent[-10:])))


def _is_tame(course: Course) -> bool:
    return course.exploded is None and 0.3 < course.rate < 6


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_a_fast_detector_tames_plasticity_and_a_slow_one_does_not(ready, seed):
    """Ten times the published learning rate, a fifth of the neurons. Negative control: a detector that stands still.

    Seen with seeds 1 to 5: at 3 s tame (0.82 Hz after 100 s, seed 1; elsewhere 0.7 to 0.9 Hz); at 30 and 60 s and with the frozen
    detector the rate passes 30 Hz within 2 s of plasticity. Half a CPU minute for each seed."""
    assert _is_tame(_course(ready, 3.0, 100.0, seed))
    for tau in (30.0, 60.0, None):
        course = _course(ready, tau, 200.0, seed)
        assert course.exploded is not None
        assert not _is_tame(course)
