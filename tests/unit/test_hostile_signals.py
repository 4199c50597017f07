"""What no spectral metric can measure: short data, flat lines, gaps, one channel, two samples, frequencies beyond Nyquist.

Each metric of signals meets each of them. The outcome is an error in words, or NaN with the reason in words; never a number.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.metric import Metric
from homeoanalysis.numerics import synthetic_signals as signals
from homeoanalysis.provenance import rng_for

RATE = 250.0
EPOCHS = {"baseline": (0.0, 30.0), "recovery": (30.0, 60.0)}


def kind_of(name: str) -> str:
    """The parameter that says what is measured; "" of a metric that takes no signal."""
    asked = inspect.signature(catalogue.load("metrics", name).function).parameters
    return next((k for k in ("between", "of", "signal") if k in asked), "")


# A train of responses is no rhythm: the shortest signal is one, of any channel.
METRICS = [name for name in catalogue.names("metrics") if kind_of(name) and name != "response_train_ratio"]


def activity_of(values: np.ndarray) -> xr.Dataset:
    """A train of 30 Hz with the signal, in two epochs."""
    stop = values.shape[1] / RATE
    train = np.sort(rng_for(12, "train", stop).uniform(0, stop, max(2, int(30 * stop))))
    epochs = {label: (a * stop / 60, b * stop / 60) for label, (a, b) in EPOCHS.items()}
    return signals.with_signal([train], values, RATE, epochs=epochs)


def noise(n_channels: int = 2, seconds: float = 60.0) -> np.ndarray:
    return np.asarray(rng_for(12, "noise", seconds).normal(size=(n_channels, round(seconds * RATE))))


def spoilt(part: slice, value: float) -> np.ndarray:
    values = noise()
    values[0, part] = value
    return values


def found(name: str, activity: xr.Dataset, **more: Any) -> xr.Dataset | str:
    """The result, or the words of the error."""
    metric: Metric = catalogue.load("metrics", name)
    key = kind_of(name)
    given: dict[str, Any] = {key: ("lfp", "lfp") if key == "between" else "lfp"}
    try:
        return metric(activity, **given, **more)
    except (NotApplicable, DataError) as error:
        return str(error)


def of_first_channel(result: xr.Dataset, name: str) -> tuple[np.ndarray, str]:
    """The values that the first channel takes part in, and their reason."""
    along = "pair" if "pair" in result.dims else "channel"
    names = result["channel_a"] if along == "pair" and "channel_b" not in result else result[along]
    mine = [k for k, label in enumerate(names.values.tolist()) if "c0" in str(label)]
    assert mine
    return result[name].isel({along: mine}).values, " ".join(str(v) for v in result.reason.values[mine])


HOSTILE: dict[str, Callable[[], np.ndarray]] = {
    "two samples": lambda: np.array([[0.0, 1.0], [1.0, 0.0]]),
    "half a second": lambda: noise(seconds=0.5),
    "three seconds": lambda: noise(seconds=3.0),
    "flat": lambda: spoilt(slice(None), 2.5),
    "missing": lambda: spoilt(slice(None), np.nan),
    "a gap in every piece": lambda: spoilt(slice(None, None, 12), np.nan),
    "infinite": lambda: spoilt(slice(None, None, 12), np.inf),
}


@pytest.mark.parametrize("fault", HOSTILE)
@pytest.mark.parametrize("name", METRICS)
def test_what_is_no_signal_gives_no_number(name: str, fault: str) -> None:
    result = found(name, activity_of(HOSTILE[fault]()))
    if isinstance(result, str):
        assert len(result) > 10
        return
    if name == "spectrogram" and fault == "three seconds":  # enough for one of its windows
        return
    values, reason = of_first_channel(result, name)
    assert not np.isfinite(values).any()
    assert reason.strip()


@pytest.mark.parametrize("name", [name for name in METRICS if kind_of(name) == "between"])
def test_one_channel_is_no_pair(name: str) -> None:
    assert "two channels" in str(found(name, activity_of(noise(1))))


@pytest.mark.parametrize("name", METRICS)
def test_what_lies_beyond_nyquist_is_refused_or_no_number(name: str) -> None:
    asked = inspect.signature(catalogue.load("metrics", name).function).parameters
    beyond: dict[str, Any] = {
        "highest": 200.0,
        "fitted": (30.0, 200.0),
        "bands": {"beta": (13.0, 30.0), "beyond": (100.0, 200.0)},
        "amplitude": (100.0, 200.0),
    }
    key = next(k for k in beyond if k in asked)
    result = found(name, activity_of(noise()), **{key: beyond[key]})
    if isinstance(result, str):
        assert "Nyquist" in result
        return
    assert not np.isfinite(result[name].sel(band="beyond").values).any()
    assert all("beyond" in str(why) for why in result.reason.values)


@pytest.mark.parametrize("name", METRICS)
def test_a_sound_signal_has_a_number(name: str) -> None:
    """The control: nothing above is refused for its form."""
    result = found(
        name, activity_of(np.cumsum(noise(), axis=1) + 50 * noise()), **({"segment": 1.0} if name == "group_delay" else {})
    )
    assert isinstance(result, xr.Dataset)
    if name not in ("group_delay", "phase_lag"):  # independent channels have none
        assert np.isfinite(result[name].values).any()
