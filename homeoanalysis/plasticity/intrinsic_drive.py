"""Intrinsic homeostasis: the background drive of each neuron follows its distance from a target rate."""

from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, WithJsonSchema

from homeoanalysis.numerics.mechanism import Grid, Window
from homeoanalysis.units import Volt, parse


def _rate_or_recorded(value: object) -> float | str:
    return "recorded" if value == "recorded" else parse(value, "Hz")


_Rate = Annotated[
    float | str,
    BeforeValidator(_rate_or_recorded),
    WithJsonSchema({"type": "string", "examples": ["5 Hz", "recorded"], "unit": "Hz"}),
]


class IntrinsicDrive(NamedTuple):
    """Integral control of the background drive.

    d drive / dt = gain (target_rate - rate), applied once a window with the spikes counted in it. Near the target
    the rate relaxes with the time constant 1 / (gain d rate / d drive).
    `target_rate: recorded` stands for the rate of the recording whose stimulus is presented.

    Source: the integral form of intrinsic plasticity, O'Leary et al. 2014, Neuron 82:809-821,
    doi:10.1016/j.neuron.2014.04.002, with one drive in the place of the conductances.
    """

    target_rate: _Rate
    gain: Volt = 1e-5  # for each missing spike

    form = "intrinsic"  # type: ignore[misc]

    def build(self, n: int, grid: Grid) -> "_Rule":
        """The rule for one population; `target_rate` must be a number by now."""
        return _Rule(self.gain, self.target_rate)


class _Rule(NamedTuple):
    gain: float
    target_rate: Any

    def adapt(self, window: Window) -> None:
        missing = window.seconds * (self.target_rate - window.rate)
        window.state.drive[: missing.size] += self.gain * missing
