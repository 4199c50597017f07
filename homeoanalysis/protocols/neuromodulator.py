"""A neuromodulator that comes and goes: acetylcholine, noradrenaline, dopamine as a tone."""

import math
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from homeoanalysis.units import Second, Volt

_Scale = Annotated[float, Field(ge=0)]
_LAST = 8.0  # time constants after which a rise or a decay is over


class Neuromodulator(NamedTuple):
    """A level c(t) that scales plasticity, homeostasis and transmission, and shifts the drive.

    c is 0 before `start`, rises as 1 - exp(-t / rise) until `stop` and then decays exponentially; 0 s stands for a step. It
    acts every `every` while it changes. At c = 1 the named rules (`projection.rule`) change weights `pre` times what they would
    at presynaptic spikes and `post` times at postsynaptic ones; slow and intrinsic rules (`owner.rule`) act `speed` times as
    fast; projections transmit `transmission` times the weight; all synaptic input of a population counts `gain` times, and it
    gets `drive` more. Any parameter of a neuron model or a rule (`owner.entry.parameter`) is `scale` times what the model says,
    or `shift` more: a threshold (E.adex.v_threshold: -1 mV), the current after each spike (E.adex.adaptation_jump: 0.5), or,
    to let a tone turn eligibility into weight, the baseline of its rule (in.three_factor_stdp.baseline: 1.0). A shift of what
    plasticity moves is added to it. Effects grow in proportion to c, and those of several modulators add up: a scale is 1 +
    the sum of c (scale - 1), at least 0. Receptors that plasticity cannot do without are written as a modulator with scale 0
    that is always there, and others that add to it.

    Source: signs of spike-timing-dependent plasticity, Seol et al. 2007, Neuron 55:919-929, doi:10.1016/j.neuron.2007.08.013;
    the linear, additive effects are ours.
    """

    start: Second
    stop: Second | None = None
    rise: Annotated[Second, Field(ge=0)] = 0.0
    decay: Annotated[Second, Field(ge=0)] = 0.0
    every: Annotated[Second, Field(gt=0)] = 0.1
    pre: dict[str, _Scale] = {}
    post: dict[str, _Scale] = {}
    speed: dict[str, _Scale] = {}
    transmission: dict[str, _Scale] = {}
    gain: dict[str, _Scale] = {}
    drive: dict[str, Volt] = {}
    scale: dict[str, _Scale] = {}
    shift: dict[str, Any] = {}

    def level(self, t: float) -> float:
        """c(t)."""
        reached = _approach(t - self.start, self.rise)
        if self.stop is None or t < self.stop:
            return reached
        return _approach(self.stop - self.start, self.rise) * (1 - _approach(t - self.stop, self.decay))

    def number_of_changes(self) -> float:
        """About how often it changes the network."""
        return _LAST * (self.rise + (0.0 if self.stop is None else self.decay)) / self.every

    def times(self) -> list[float]:
        """When it changes the network [s]."""
        stop = math.inf if self.stop is None else self.stop
        rising = [self.start + k * self.every for k in range(math.ceil(_LAST * self.rise / self.every) + 1)]
        decaying = range(math.ceil(_LAST * self.decay / self.every) + 1)
        return [t for t in rising if t < stop] + ([] if self.stop is None else [stop + k * self.every for k in decaying])

    def change(self, network: Any, k: int) -> None:
        """Change the network at the k-th of these times."""
        times = self.times()
        now = times[k]
        present = [p for p in network.protocols.values() if isinstance(p, Neuromodulator)]

        def scale(kind: str, name: str) -> float:
            return max(0.0, 1 + sum(p.level(now) * (getattr(p, kind)[name] - 1) for p in present if name in getattr(p, kind)))

        for name in {**self.pre, **self.post}:
            network.scale_rule(*name.split("."), pre=scale("pre", name), post=scale("post", name))
        for name in self.speed:
            network.scale_plasticity(*name.split("."), scale("speed", name))
        for name in self.transmission:
            network.scale_transmission(name, scale("transmission", name))
        for name in self.gain:
            network.scale_gain(name, scale("gain", name))
        for of in {**self.scale, **self.shift}:
            shift = sum(p.level(now) * network.make.amount(of, p.shift[of]) for p in present if of in p.shift)
            network.modulate_parameter(*of.split("."), scale("scale", of), shift, now)
        for name, shift in self.drive.items():
            step = self.level(now) - (self.level(times[k - 1]) if k > 0 else 0.0)
            whole = network.neurons[name]
            whole.state.drive[: whole.n] += step * shift


def _approach(since: float, tau: float) -> float:
    """From 0 to 1 with the time constant `tau`, and all the way in the end."""
    if since < 0:
        return 0.0
    return 1.0 if since >= 0.99 * _LAST * tau else 1 - math.exp(-since / tau)
