"""The stimulus of a recording, presented to a model again and again until its rate has settled."""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.mechanism import Target
from homeoanalysis.units import quantity

_VoltPerDecibel = quantity("V/dB")


class RecordedStimulus(NamedTuple):
    """The covariate of a recording (a level in dB), less its mean, times `gain`, drives every neuron alike.

    The recording is looped. After each presentation the mean rates of the last two are compared: the run ends
    when they differ by at most `tolerance`, relative to the last, and fails after `presentations_max`.
    The last presentation is the one to compare with the recording.

    Source: a receptor that follows the level of its stimulus, Gollisch & Herz 2004, J Neurosci 24:7435-7444,
    doi:10.1523/JNEUROSCI.1317-04.2004; the transduction is here linear in dB.
    """

    population: str
    recording: str
    gain: _VoltPerDecibel  # type: ignore[valid-type]
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 0.02
    presentations_max: Annotated[int, Field(ge=2)] = 30

    def build(self, target: Target, rng: np.random.Generator) -> "_Samples":
        """One presentation, averaged over each time step."""
        if target.stimulus is None or "covariate" not in target.stimulus:
            found = "none was given" if target.stimulus is None else "the activity that was given holds no covariate"
            raise SimulationError(
                f"this model presents the stimulus of the recording {self.recording!r}, but {found}: pass "
                f"simulate(..., stimulus=activity), an ingested recording with the variable covariate"
            )
        covariate = target.stimulus.covariate
        segments = np.count_nonzero(target.stimulus.covariate_sample_count.values)
        if covariate.sizes["covariate_channel"] != 1 or segments != 1:
            raise SimulationError(
                f"the recording {self.recording!r} has {covariate.sizes['covariate_channel']} covariates in {segments} segments; "
                f"a model is presented one covariate of one contiguous segment: choose a replicate that has that"
            )
        if covariate.attrs["units"] != "dB":
            raise SimulationError(
                f"the stimulus of {self.recording!r} is in {covariate.attrs['units']!r}, not in dB; make it a level with a fix"
            )
        level = covariate.values[0].astype(float)
        if not np.all(np.isfinite(level)):
            raise SimulationError(
                f"the stimulus of {self.recording!r} has {np.sum(~np.isfinite(level))} samples that are not finite; "
                f"mend the recording with a fix"
            )
        rate = float(covariate.attrs["sampling_rate"])
        steps = round(level.size / rate / target.grid.dt)
        edge = np.arange(steps + 1) * target.grid.dt * rate
        if abs(edge[-1] - level.size) > 1e-6 * level.size:
            raise SimulationError(
                f"the stimulus of {self.recording!r} lasts {level.size / rate:g} s, which is no whole number of steps of "
                f"{target.grid.dt:g} s; choose another dt"
            )
        area = np.interp(edge, np.arange(level.size + 1), np.concatenate([[0.0], np.cumsum(level - level.mean())]))
        samples = self.gain * np.diff(area) / np.diff(edge)
        return _Samples(samples.astype(target.grid.dtype))

    def has_settled(self, rates: list[float]) -> bool:
        """Whether the mean rates [Hz] of the presentations so far have come to rest."""
        if len(rates) < 2:
            return False
        if abs(rates[-1] - rates[-2]) <= self.tolerance * rates[-1]:
            return True
        if len(rates) < self.presentations_max:
            return False
        raise SimulationError(
            f"the rate of {self.population!r} has not settled after {len(rates)} presentations of {self.recording!r}: "
            f"{rates[-2]:.4g} Hz, then {rates[-1]:.4g} Hz, which differ by more than {self.tolerance:.2%}; "
            f"raise presentations_max, or make the homeostasis faster or stable"
        )


class _Samples(NamedTuple):
    samples: np.ndarray  # drive [V] of each step of one presentation

    @staticmethod
    def inject(item, t):  # type: ignore[no-untyped-def]
        return item.samples[t % item.samples.size]
