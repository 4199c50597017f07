"""Eligibility traces and their modulator: closed forms, a dense re-derivation, and the distal reward problem."""

import numpy as np
import pytest
from replay import Decays, forced, matrix, model, poisson, raster

RULE = {"weight_reference": "1 mV", "pairing": "all_to_all", "baseline": 0.0}
TAU_E, TAU_D = 0.995, 0.1995
BOTH = 1 / (1 / TAU_E + 1 / TAU_D)


def _changed(rule, arriving, post, seconds, pulses=(), amount=0.5, code=None, tone=None):
    """Relative change of each weight by a time at which all are up to date."""
    protocols = {} if tone is None else {"dopamine": {"neuromodulator": tone}}
    if pulses:
        given = {"projection": "synapses", "pulses": [f"{t} s" for t in pulses], "amount": amount}
        protocols = {"reward": {"modulator_pulses": given}}
    made = model({"synapses": [{"three_factor_stdp": rule}]}, len(arriving), len(post), seconds=seconds, protocols=protocols)
    simulation = forced(made, arriving, post, **({"code": code} if code else {}))
    simulation.advance(round(seconds * 1000))
    return matrix(simulation, "synapses") / 1e-3 - 1


@pytest.mark.slow
@pytest.mark.reference(
    "plasticity/three_factor_stdp", against="the integral of two exponentials, and dense integration", within="1e-9"
)
@pytest.mark.reference("protocols/modulator_pulses", against="the integral of two exponentials", within="1e-9")
def test_a_pair_and_a_later_reward_change_the_weight_by_the_integral_of_their_overlap():
    """c(t2) = a exp(-10 ms / tau_plus), then dw = rate c(t2) exp(-0.5 s / tau_e) D tau', tau' of the product of the two."""
    after = _changed(RULE, [[100]], [[110]], 1.0, pulses=[0.61])[0, 0]
    until_end = 1 - np.exp(-(0.999 - 0.61) / BOTH)
    eligible = 0.1 * np.exp(-10 / 19.5) * np.exp(-0.5 / TAU_E)
    assert after == pytest.approx(100 * eligible * 0.5 * BOTH * until_end, rel=1e-9)
    before = _changed(RULE, [[110]], [[100]], 1.0, pulses=[0.61])[0, 0]
    assert before == pytest.approx(-1.5 * after, rel=1e-9)


@pytest.mark.slow
def test_without_a_modulator_nothing_changes():
    """Negative control; and a dip makes the same pair depress."""
    assert _changed(RULE, [[100]], [[110]], 1.0) == 0
    assert _changed(RULE, [[100]], [[110]], 1.0, pulses=[0.5], amount=-0.5) < 0


@pytest.mark.slow
def test_a_tone_gates_eligibility_and_widens_the_window_of_potentiation():
    """dw = rate c(t2) 0.5 tau_e (1 - exp(-T / tau_e)) for a tone from t2 on; with tau_plus doubled the pair is tagged more."""
    eligible = 0.1 * np.exp(-10 / 19.5) * np.exp(-0.5 / TAU_E)
    held = TAU_E * (1 - np.exp(-(0.999 - 0.61) / TAU_E))
    tone = {"start": "610 ms", "shift": {"synapses.three_factor_stdp.baseline": 0.5}}
    assert _changed(RULE, [[100]], [[110]], 1.0, tone=tone)[0, 0] == pytest.approx(100 * eligible * 0.5 * held, rel=1e-9)
    assert _changed(RULE, [[100]], [[110]], 1.0, tone={**tone, "stop": "612 ms"})[0, 0] == pytest.approx(
        100 * eligible * 0.5 * TAU_E * (1 - np.exp(-0.002 / TAU_E)), rel=1e-9
    )
    rule = "synapses.three_factor_stdp"
    wide = {"start": "0 s", "shift": {f"{rule}.baseline": 0.2}, "scale": {f"{rule}.tau_plus": 2.0}}
    after = 100 * 0.1 * np.exp(-10 / 39) * 0.2 * TAU_E * (1 - np.exp(-(0.999 - 0.11) / TAU_E))
    assert _changed(RULE, [[100]], [[110]], 1.0, tone=wide)[0, 0] == pytest.approx(after, rel=1e-9)


@pytest.mark.slow
def test_a_reward_before_the_pair_counts_only_by_what_is_left_of_it():
    found = _changed(RULE, [[600]], [[610]], 1.0, pulses=[0.2])[0, 0]
    eligible, left = 0.1 * np.exp(-10 / 19.5), 0.5 * np.exp(-0.41 / TAU_D)
    assert found == pytest.approx(100 * eligible * left * BOTH * (1 - np.exp(-(0.999 - 0.61) / BOTH)), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("pairing", ["all_to_all", "nearest"])
def test_a_dense_re_derivation_gives_the_same_weights(pairing):
    """Every synapse is integrated in every step; a short eligibility trace passes many periods, weights meet no bound."""
    rng, steps = np.random.default_rng(1), 2000
    arriving = [1 + train for train in poisson(rng, 3, 20, steps - 1)]
    arriving[2] = arriving[2][:3]  # silent for most of the time
    post = poisson(rng, 4, 15, steps)
    tau_e, tau_d, rate, baseline, pulses = 0.05, 0.03, 20.0, 0.1, [0.25, 0.7, 0.71, 1.5]
    rule = {**RULE, "pairing": pairing, "tau_eligibility": "50 ms", "tau_modulator": "30 ms", "learning_rate": "20 1/s"}
    found = _changed({**rule, "baseline": baseline}, arriving, post, 2.0, pulses=pulses)
    near = pairing == "nearest"
    x, y = Decays(3, 0.0195, 1e-3, nearest=near), Decays(4, 0.0195, 1e-3, nearest=near)
    w, c, d, h = np.zeros((3, 4)), np.zeros((3, 4)), 0.0, 1e-3
    both = 1 / (1 / tau_e + 1 / tau_d)
    for t, (pre, fired) in enumerate(zip(raster(arriving, steps), raster(post, steps), strict=True)):
        if t > 0:
            w += rate * c * (baseline * tau_e * -np.expm1(-h / tau_e) + d * both * -np.expm1(-h / both))
            c, d = c * np.exp(-h / tau_e), d * np.exp(-h / tau_d)
        d += 0.5 * (t in {round(1000 * p) for p in pulses})
        after = y.decay().copy()
        x.decay()
        x.jump(pre)
        c[pre] -= 0.15 * after
        c[:, fired] += 0.1 * x.now[:, None]
        y.jump(fired)
    assert w.std() > 0.01
    assert found == pytest.approx(w, rel=1e-9)
