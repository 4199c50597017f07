"""Stimuli that are presented in trials: each is a pattern of input rates over the neurons."""

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.channels import accept, receive
from homeoanalysis.numerics.counter import subkey, uniform
from homeoanalysis.numerics.mechanism import Target
from homeoanalysis.numerics.poisson import number_of, table
from homeoanalysis.units import Hertz, Second, parse

_ORDER, _SHARE, _EVENT = 0, 1, 2  # what the random numbers are for


class Patterns(NamedTuple):
    """Patterns of input rates, presented in trials.

    There are `stimuli` of them, each is presented for `trial` with `pause` in between, `repeats` times, from `start` on; in a
    trial it acts from `onset` on, for `length` or to the end.
    `subset`: in each pattern each neuron is active with the probability `fraction`, and gets Poisson events of `rate` in the
    trial. `graded`: each neuron gets a share of `rate` of its own, uniform in [0, 1]. The patterns belong to the replicate. In
    each round all are presented once, in random order unless `is_cyclic`. The activity has the trials with their labels, and the
    neurons of each subset as groups.

    Source: stimuli as random subsets of inputs that fire for a while, Litwin-Kumar & Doiron 2014, Nat Commun 5:5319,
    doi:10.1038/ncomms6319.
    """

    population: str
    channel: str
    weight: str
    rate: Annotated[Hertz, Field(gt=0)]
    stimuli: Annotated[int, Field(ge=1)]
    repeats: Annotated[int, Field(ge=1)]
    trial: Annotated[Second, Field(gt=0)]
    pause: Annotated[Second, Field(ge=0)] = 0.0
    start: Annotated[Second, Field(ge=0)] = 0.0
    onset: Annotated[Second, Field(ge=0)] = 0.0
    length: Annotated[Second, Field(gt=0)] | None = None
    kind: Literal["subset", "graded"] = "subset"
    fraction: Annotated[float, Field(gt=0, le=1)] = 0.1
    is_cyclic: bool = False

    def build(self, target: Target, key: np.uint64) -> "_Presented":
        """The events for some neurons of one population."""
        dt = target.grid.dt
        weight = target.grid.number(parse(self.weight, target.weight_units[self.channel]))
        lasts = self.trial - self.onset if self.length is None else self.length
        length, every, begin = (round(x / dt) for x in (lasts, self.trial + self.pause, self.start + self.onset))
        share = np.zeros((self.stimuli, target.n))
        with np.errstate(over="ignore"):  # words of the random generator overflow on purpose
            for p in range(self.stimuli):
                pattern = subkey(subkey(key, _SHARE), p)
                share[p] = [uniform(pattern, target.offset + i) for i in range(target.n)]
            event = subkey(key, _EVENT)
        if self.kind == "subset":
            share = (share < self.fraction).astype(float)
        mean = self.rate * dt
        held = target.channels[self.channel]
        order = self._order(key)
        return _Presented(event, *table(mean), held, weight, target.n, target.offset, mean, order, share, begin, every, length)

    def scaled(self, made: "_Presented", scale: float) -> "_Presented":
        """The same patterns at `scale` times their rates."""
        cumulative, guide = table(made.mean * scale)
        return made._replace(cumulative=cumulative, guide=guide)

    def groups(self, made: list["_Presented"]) -> dict[str, np.ndarray]:
        """The neurons of each subset, from what all parts of the network have made; graded patterns have none."""
        if self.kind == "graded":
            return {}
        share = np.concatenate([one.share for one in made], axis=1)
        return {f"pattern{p}": mine > 0 for p, mine in enumerate(share)}

    def trials(self, until: float, key: np.uint64) -> list[tuple[float, float, str]]:
        """Start, stop [s] and stimulus of each trial that ends before `until`."""
        starts = [self.start + k * (self.trial + self.pause) for k in range(self.stimuli * self.repeats)]
        named = [(at, at + self.trial, f"pattern{p}") for at, p in zip(starts, self._order(key), strict=True)]
        return [trial for trial in named if trial[1] <= until + 1e-9]

    def _order(self, key: np.uint64) -> np.ndarray:
        """The pattern of each trial."""
        if self.is_cyclic:
            return np.tile(np.arange(self.stimuli), self.repeats)
        with np.errstate(over="ignore"):
            draw = subkey(key, _ORDER)
            u = np.array([uniform(draw, k) for k in range(self.repeats * self.stimuli)])
        return np.argsort(u.reshape(self.repeats, self.stimuli), axis=1).ravel()


class _Presented(NamedTuple):
    key: np.uint64
    cumulative: np.ndarray
    guide: np.ndarray
    channel: tuple
    weight: Any
    n: int
    offset: int
    mean: float  # events in a step at the full rate, before any scaling
    order: np.ndarray  # (trials,)
    share: np.ndarray  # (patterns, n) of the full rate
    begin: int  # [steps]
    every: int
    length: int

    @staticmethod
    def arrive(item, t):  # type: ignore[no-untyped-def]
        k, since = (t - item.begin) // item.every, (t - item.begin) % item.every
        if t >= item.begin and k < item.order.size and since < item.length:
            arrivals = accept(item.channel, t)
            key = subkey(item.key, t)
            for i in range(item.n):
                share = item.share[item.order[k], i]
                if share > 0:
                    neuron = subkey(key, item.offset + i)
                    for event in range(number_of(uniform(neuron, 0), item.cumulative, item.guide)):
                        if uniform(neuron, event + 1) < share:
                            receive(arrivals, i, item.weight)
