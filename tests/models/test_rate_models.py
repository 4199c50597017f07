"""Ready rate models through the verb: Toyoizumi et al. 2014 (SCIENCE.md, F07) and Bienenstock et al. 1982 (F13).

More golden values, and the negative controls of the systems, are in tests/unit/simulate/test_systems.py."""

import numpy as np
import pytest
import xarray as xr

from homeoanalysis.config import Model
from homeoanalysis.simulate import simulate

DAY = 86400.0


def _activity(config, name: str) -> xr.Dataset:
    return simulate(Model.model_validate(config.raw_model(name, {})), name=config.streams[name])


def _of_day(activity: xr.Dataset, variable: str, day: float) -> float:
    """A state variable at a day after the start of the deprivation."""
    (channel,) = [k for k, name in enumerate(activity.state_variable_channel.values) if name.endswith(variable)]
    every = 1 / activity.state_variable.attrs["sampling_rate"]
    return float(activity.state_variable.values[channel, round((day + 1) * DAY / every)])


@pytest.mark.slow
def test_deprivation_and_the_gain_of_the_open_eye(config):
    """Golden values of day 6.9; without the homeostatic factor, the negative control, the open eye gains nothing."""
    found = {}
    for name in ("toyoizumi2014", "toyoizumi2014_tnf_block"):
        activity = _activity(config, name)
        base = _of_day(activity, "ipsi", -0.5)
        odi = _of_day(activity, "odi", 6.9)
        found[name] = odi, _of_day(activity, "ipsi", 6.9) / base
    assert found["toyoizumi2014"] == (pytest.approx(0.032, abs=0.01), pytest.approx(1.29, rel=0.03))
    assert found["toyoizumi2014_tnf_block"] == (pytest.approx(0.091, abs=0.01), pytest.approx(0.96, rel=0.03))


def test_one_of_ten_patterns_wins(config):
    """y = 10 for one pattern, 0 for the others; with a fixed threshold, the negative control, all responses decay."""
    final = np.sort(_activity(config, "bcm1982").state_variable.values[:10, -1])
    assert final[-1] == pytest.approx(10, rel=0.01)
    assert np.abs(final[:-1]).max() < 0.01
    raw = config.raw_model("bcm1982", {"system": {"bcm1982": {"fixed_threshold": 1.0}}})
    dead = simulate(Model.model_validate(raw)).state_variable.values[:10, -1]
    assert np.abs(dead).max() < 0.01
