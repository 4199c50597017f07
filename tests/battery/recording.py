"""A synthetic recording with known truth, and the activity/1 dataset that it becomes."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.numerics import synthetic

Floats = NDArray[np.float64]
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Trials(NamedTuple):
    """Presentations of stimuli."""

    start: Floats  # s
    stop: Floats  # s
    stimulus: list[str]


class Signal(NamedTuple):
    """Regularly sampled channels from t = 0 on."""

    samples: Floats  # (channel, sample)
    sampling_rate: float  # Hz
    units: str
    bandwidth: float | None = None  # of a covariate: its highest frequency (Hz)


class Recording(NamedTuple):
    """Spike trains, signals and the truth behind them. Everything starts at t = 0."""

    trains: list[Floats]  # spike times of each unit, sorted (s)
    duration: float  # s
    epochs: Mapping[str, tuple[float, float]] = NOTHING  # label: start, stop (s)
    trials: Trials | None = None
    signals: Mapping[str, Signal] = NOTHING  # "lfp" or "covariate"
    truth: Mapping[str, Any] = NOTHING  # what the catalogue says of each key
    segments: Sequence[tuple[float, float]] = ()  # observed time (s); empty: all of it
    observed: NDArray[np.int64] | None = None  # (unit, segment); None: every unit throughout
    states: Sequence[tuple[str, float, float]] = ()  # label, start, stop (s)


class Cohort(NamedTuple):
    """Recordings of several subjects, and what is true of the population that they come from."""

    recordings: list[Recording]
    truth: Mapping[str, Any]


def to_activity(recording: Recording, *, subject: str = "0") -> xr.Dataset:
    """Return the activity/1 dataset of a recording.

    subject: name of the subject and of the replicate, for members of a cohort.
    """
    made = synthetic.activity(recording.trains, recording.duration, epochs=recording.epochs)
    if not recording.trains:
        made = made.drop_vars(["spike_time", "spike_count", "unit_kind", "cell_type", "unit"])
    new: dict[str, Any] = {}
    if recording.segments:
        start, stop = np.array(recording.segments, float).T
        made = made.drop_vars(["segment_start", "segment_stop"])
        new["segment_start"] = ("segment", start, {"units": "s"})
        new["segment_stop"] = ("segment", stop, {"units": "s"})
    if recording.observed is not None:
        new["observed"] = (("unit", "segment"), recording.observed, {"units": "1"})
    if recording.trials is not None:
        new["trial_start"] = ("trial", recording.trials.start, {"units": "s"})
        new["trial_stop"] = ("trial", recording.trials.stop, {"units": "s"})
        new["stimulus"] = ("trial", list(recording.trials.stimulus))
    if recording.states:
        new["state_start"] = ("state", [s[1] for s in recording.states], {"units": "s"})
        new["state_stop"] = ("state", [s[2] for s in recording.states], {"units": "s"})
        new["state"] = ("state", [s[0] for s in recording.states])
    for name, signal in recording.signals.items():
        about = {"units": signal.units, "sampling_rate": signal.sampling_rate}
        n_channels, n_samples = signal.samples.shape
        new[name] = ((f"{name}_channel", f"{name}_sample"), signal.samples, about)
        new[f"{name}_channel"] = (f"{name}_channel", [f"{name}{k}" for k in range(n_channels)])
        new[f"{name}_first_sample"] = ("segment", [0], {"units": "1"})
        new[f"{name}_sample_count"] = ("segment", [n_samples], {"units": "1"})
        new[f"{name}_t_start"] = ("segment", [0.0], {"units": "s"})
        if signal.bandwidth is not None:
            highest = np.full(n_channels, signal.bandwidth)
            new[f"{name}_bandwidth"] = (f"{name}_channel", highest, {"units": "Hz"})
    return made.assign(new).assign_attrs(subject=subject, replicate=subject)
