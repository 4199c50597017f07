"""A diffusing messenger holds the mean rate and leaves neurons their own rates: Sweeney et al. 2015 (SCIENCE.md, F09)."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.stats import spearmanr
from spiketrains import trains


def _rates(ready, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Rate [Hz] of each excitatory neuron before homeostasis, and 100 to 150 s after its start."""
    simulation = ready(name)
    simulation.advance(2_100_000)
    time, unit = trains(simulation, "E")
    spans = ((10, 60), (160, 210))
    return tuple(np.bincount(unit[(time >= a) & (time < b)], minlength=800) / (b - a) for a, b in spans)


@pytest.mark.slow
def test_diffusion_keeps_the_rates_apart(ready):
    """Both hold the mean; local control, the negative control of the claim, makes rates equal and shuffles their ranks.

    Seen: 18.7 +- 7.4 Hz before, 18.5 +- 6.7 Hz (rank correlation 0.97) with, 19.1 +- 3.0 Hz (0.76) without diffusion.
    Elsewhere: 20.1 +- 14.7, then 19.5 +- 12.1 (0.98) and 20.4 +- 4.1 Hz (0.66)."""
    before, diffusive = _rates(ready, "sweeney2015")
    same, local = _rates(ready, "sweeney2015_local")
    assert np.array_equal(before, same)
    for after in (diffusive, local):
        assert after.mean() == pytest.approx(before.mean(), rel=0.1)
    assert diffusive.std() >= 2 * local.std()
    rank = [spearmanr(before, after)[0] for after in (diffusive, local)]
    assert rank[0] >= 0.85
    assert rank[0] >= rank[1] + 0.15


class Found(NamedTuple):
    """Of E: SD [Hz] and rank correlation with the rates before, 100 to 150 s after homeostasis began; the part of the change
    by a step of the input that is gone at the end; the fraction of thresholds at a bound."""

    sd: float
    rank: float
    removed: float
    bound: float


def _stepped(ready, diffusion: str | None, seed: int) -> Found:
    """60 s without, 150 s with homeostasis, 150 s with 1.5 times the outside rate. diffusion: None for no homeostasis."""
    rule: dict[str, Any] = {
        "target_rate": "measured",
        "calibration": "60 s",
        "tau_rate": "10 ms",
        "lowest": "-58 mV",
        "highest": "-40 mV",
        "signal": {
            "diffusing": {
                "diffusion": diffusion,
                "tau_decay": "10 s",
                "tau_synthesis": "100 ms",
                "production": "hill",
                "pixels": 100,
            }
        },
    }
    variant = {
        "duration": "360 s",
        "populations": {"E": {"plasticity": [] if diffusion is None else [{"intrinsic_threshold": rule}]}},
        "protocols": {"step": {"scale_input": {"inputs": ["background"], "scale": 1.5, "start": "210 s"}}},
    }
    simulation = ready("sweeney2015", variant, seed=seed)
    simulation.advance(3_600_000)
    time, unit = trains(simulation, "E")

    def rates(start: float, stop: float) -> np.ndarray:
        return np.bincount(unit[(time >= start) & (time < stop)], minlength=800) / (stop - start)

    before, settled = rates(10, 60), rates(160, 210)
    stepped, end = rates(210, 220).mean(), rates(340, 360).mean()
    threshold = np.resize(simulation.network.neurons["E"].kernel.v_threshold, 800)  # padded, or one for all
    return Found(
        float(settled.std()),
        float(spearmanr(before, settled)[0]),
        float((stepped - end) / (stepped - settled.mean())),
        float(np.mean((threshold <= -57.999e-3) | (threshold >= -40.001e-3))),
    )


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_heterogeneity_grows_with_the_diffusion_length(ready, seed):
    """Lengths of 0, 0.03, 0.1 mm and infinity: from local to global control. Negative controls: local, and no homeostasis.

    Seen, seed 1: SD 2.98, 5.31, 6.73, 7.34 Hz (7.33 without homeostasis), rank 0.76, 0.82, 0.97, 0.99; 0.85, 0.82, 0.90 and 0.91
    of the step are taken back, -0.004 without homeostasis; 1 % of the thresholds at a bound with local control, none else. So
    diffusive control recovers here, which a run elsewhere did not show. Seeds 2 and 3 agree: local 3.17 and 2.59 Hz, rank 0.73
    and 0.80; diffusive 6.77 and 6.28 Hz, rank 0.97 and 0.97. Two CPU minutes for each seed."""
    found = {d: _stepped(ready, d, seed) for d in ("0 m^2/s", "100 um^2/s", "1000 um^2/s", "1 m^2/s", None)}
    local, near, diffusive, everywhere, none = found.values()
    assert local.sd < near.sd < diffusive.sd < everywhere.sd
    assert diffusive.sd >= 2 * local.sd
    assert diffusive.rank >= 0.85
    assert diffusive.rank >= local.rank + 0.15
    assert local.removed >= 0.3
    assert abs(none.removed) < 0.1
