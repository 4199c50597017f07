"""Small models, stimuli and the two ways to run them."""

from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
import xarray as xr

from homeoanalysis.config import yaml
from homeoanalysis.config.merging import merge
from homeoanalysis.config.model import Model
from homeoanalysis.numerics.composition import OPTIONS, activate
from homeoanalysis.simulate.compiler import REFERENCE, Code
from homeoanalysis.simulate.simulation import Simulation

_CONFIG = Path(__file__).parents[3] / "config" / "models"


def _load(name: str, **override: Any) -> Model:
    content = yaml.read(_CONFIG / f"{name}.yaml", name)
    if "base" in content:
        content = merge(yaml.read(_CONFIG / f"{content.pop('base')}.yaml", name), content)
    content.pop("sizes", None)
    return Model.model_validate(merge(content, override))


@pytest.fixture(scope="session")
def load():
    """A model of the config folder, with overrides."""
    return _load


@pytest.fixture(scope="session")
def small():
    """The balanced network with few neurons: the same types, so that nothing is compiled anew."""

    def make(*, n_e: int = 40, n_i: int = 10, **override: Any) -> Model:
        base: dict[str, Any] = {"populations": {"E": {"n": n_e}, "I": {"n": n_i}}, "duration": "2 s"}
        base["protocols"] = {
            "drive_E": {"poisson_input": {"rate": "300 Hz", "weight": "5 nS"}},
            "deprivation": {"scale_input": {"inputs": ["drive_E"], "start": "1 s"}},
        }
        base["projections"] = {
            "E_to_E": {"weight": "1.2 nS", "topology": {"fixed_probability": {"probability": 0.4}}},
            "I_to_E": {"weight": "3.65 nS", "topology": {"fixed_probability": {"probability": 0.4}}},
        }
        content = yaml.read(_CONFIG / "balanced.yaml", "balanced")
        del content["sizes"], content["epochs"]
        return Model.model_validate(merge(merge(content, base), override))

    return make


@pytest.fixture(scope="session")
def single():
    """Unconnected neurons of one kind with private noise, whose threshold is out of reach unless it is given."""

    def make(
        neuron: str = "lif_current",
        *,
        n: int = 1,
        sigma: str = "0 V",
        dt: str = "0.1 ms",
        duration: str = "1 s",
        channels: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> Model:
        return Model.model_validate(
            {
                "title": "unconnected neurons",
                "dt": dt,
                "duration": duration,
                "populations": {
                    "cell": {"n": n, "neuron": {neuron: {"v_threshold": "1 kV", **parameters}}, "channels": channels or {}}
                },
                "protocols": {"noise": {"white_noise": {"population": "cell", "sigma": sigma}}},
            }
        )

    return make


@pytest.fixture(scope="session")
def uncached() -> Code:
    """The compiled loop for mechanisms that only a test defines: they must not enter the cache on disk."""
    activate()
    return Code(*(numba.njit(**OPTIONS)(function) for function in REFERENCE))


@pytest.fixture(scope="session")
def reference() -> Code:
    """The loop in plain Python; words of the random generator overflow on purpose."""

    def quiet(function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            with np.errstate(over="ignore"):
                return function(*arguments)

        return call

    return Code(*(quiet(function) for function in REFERENCE))


@pytest.fixture(scope="session")
def spikes():
    """(step, unit) of every spike of a finished simulation, by population."""

    def collect(simulation: Simulation) -> dict[str, np.ndarray]:
        return {key: np.concatenate(chunks, axis=1) for key, chunks in simulation.spikes.items()}

    return collect


@pytest.fixture(scope="session")
def stimulus():
    """A recording of `rate` spikes a second with a noise stimulus of 6 dB below 200 Hz."""

    def make(*, rate: float = 80.0, seconds: float = 4.0, sampling_rate: float = 20_000.0, seed: int = 1) -> xr.Dataset:
        n = round(seconds * sampling_rate)
        frequency = np.fft.rfftfreq(n, 1 / sampling_rate)
        spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n)) * (frequency < 200)
        level = np.fft.irfft(spectrum, n)
        level = 60 + 6 * level / level.std()
        time = np.arange(round(rate * seconds)) / rate
        return xr.Dataset(
            {
                "segment_start": ("segment", [0.0]),
                "segment_stop": ("segment", [seconds]),
                "spike_time": ("spike", time),
                "spike_count": ("unit", [time.size]),
                "covariate": (
                    ("covariate_channel", "covariate_sample"),
                    level[None],
                    {"units": "dB", "sampling_rate": sampling_rate},
                ),
                "covariate_first_sample": ("segment", [0], {"units": "1"}),
                "covariate_sample_count": ("segment", [n], {"units": "1"}),
                "covariate_t_start": ("segment", [0.0], {"units": "s"}),
                "covariate_bandwidth": ("covariate_channel", [200.0], {"units": "Hz"}),
            },
            coords={"unit": ["receptor"], "covariate_channel": ["sound level"]},
            attrs={"replicate": "r0", "factors": '{"cutoff": "200 Hz"}'},
        )

    return make
