"""Short-term plasticity of one synapse against closed forms: Tsodyks, Pawelzik & Markram 1998 (SCIENCE.md, F12).

What is published is judged by the study short_term_plasticity, see tests/published.
"""

import numpy as np
import pytest

from homeoanalysis.config.model import Model
from homeoanalysis.simulate import simulate

DT = 1e-4
SECONDS = 21
SYNAPSES = {  # period [s], tau_rec, tau_facil, U
    "tsodyks1998": (0.05, 0.130, 0.530, 0.03),
    "tsodyks1998_depressing": (0.05, 0.8, 0.0, 0.5),
    "tsodyks1998_fast": (0.0143, 0.130, 0.530, 0.03),
}
CELLS = {  # tau_in, tau_mem [s], R [Ohm], A_SE [A]
    "tsodyks1998": (1.5e-3, 0.06, 1e9, 1540e-12),
    "tsodyks1998_fast": (1.5e-3, 0.06, 1e9, 1540e-12),
    "tsodyks1998_depressing": (3e-3, 0.04, 1e8, 250e-12),
}


def _course(config, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Current [A] and potential [V] of the cell at the end of each step."""
    activity = simulate(Model.model_validate(config.raw_model(name, {})), name=config.streams[name])
    return activity.state_variable.values[0], activity.membrane_potential.values[0]


def _released(current: np.ndarray, tau_in: float) -> np.ndarray:
    """The jumps of the current."""
    jump = current - np.exp(-DT / tau_in) * np.concatenate([[0.0], current[:-1]])
    return jump[jump > 1e-6 * jump.max()]


def _steady(period: float, tau_rec: float, tau_facil: float, use: float) -> float:
    """Closed form of the release in the steady state, in units of the first."""
    u = use / (1 - (1 - use) * np.exp(-period / tau_facil)) if tau_facil else use
    recovered = np.exp(-period / tau_rec)
    return float(u * (1 - recovered) / (1 - (1 - u) * recovered) / use)


@pytest.mark.parametrize("name", SYNAPSES)
def test_the_steady_release_is_the_closed_form(config, name):
    """The first release is U A_SE."""
    synapse = SYNAPSES[name]
    tau_in, _, _, strength = CELLS[name]
    released = _released(_course(config, name)[0], tau_in)
    assert released.size == pytest.approx(SECONDS / synapse[0], abs=1.5)
    assert released[0] == pytest.approx(synapse[3] * strength, rel=1e-9)
    assert released[-1] / released[0] == pytest.approx(_steady(*synapse), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", SYNAPSES)
def test_the_membrane_sums_its_currents(config, name):
    """Every response A R tau_in / (tau_mem - tau_in) (exp(-t / tau_mem) - exp(-t / tau_in)), added up."""
    tau_in, tau_mem, resistance, _ = CELLS[name]
    current, potential = _course(config, name)
    jump = current - np.exp(-DT / tau_in) * np.concatenate([[0.0], current[:-1]])
    at = np.flatnonzero(jump > 1e-6 * jump.max())
    expected, step = np.zeros(current.size), np.arange(current.size)
    for k in at:
        t = (step[k:] - k) * DT
        shape = np.exp(-t / tau_mem) - np.exp(-t / tau_in)
        expected[k:] += jump[k] * resistance * tau_in / (tau_mem - tau_in) * shape
    late = slice(20_000, -1)  # the potential that it started with is gone; it is that of the end of a step, the current's begin
    assert potential[late] == pytest.approx(expected[20_001:], abs=1e-9 * expected.max())
