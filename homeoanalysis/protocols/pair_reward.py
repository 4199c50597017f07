"""A reward that the spikes of one pair of neurons earn, and that comes later."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.counter import uniform
from homeoanalysis.units import Second


class PairReward(NamedTuple):
    """A neuromodulator jumps by `amount` some seconds after the target of one synapse fires within `within` of its source.

    The synapse is the first one of `projection` and starts with no weight. The reward comes after a time that is uniform
    between `soonest` and `latest`, to the rules with eligibility traces of all `projections`. Spikes are looked at once a
    second, so that it comes no sooner than that.

    Source: the distal reward problem, Izhikevich 2007, Cereb Cortex 17:2443-2452, doi:10.1093/cercor/bhl152, with the
    constants of its code (ModelDB 84167).
    """

    projection: str
    projections: list[str]
    within: Annotated[Second, Field(gt=0)] = 0.02
    soonest: Annotated[Second, Field(ge=1)] = 1.0
    latest: Annotated[Second, Field(ge=1)] = 3.0
    amount: float = 0.5

    def times(self) -> list[float]:
        """When it changes the network [s], whatever the spikes."""
        return [0.0]

    def change(self, network: Any, k: int) -> None:
        """Take the weight away at the start; give one reward later on."""
        if k == 0:
            network.set_weight(self.projection, *network.first_pair(self.projection), 0.0)
            return
        for projection in self.projections:
            network.modulate(projection, self.amount)

    def watch(self, network: Any, key: np.uint64) -> "_Watch":
        """What looks at the spikes."""
        source, target = network.ends(self.projection)
        return _Watch(self, source, target, network.first_pair(self.projection), key, network.grid.dt)


class _Watch(NamedTuple):
    parameters: PairReward
    source: str  # population
    target: str
    pair: tuple[int, int]
    key: np.uint64
    dt: float

    @property
    def memory(self) -> float:
        """How long before a spike another one counts [s]."""
        return self.parameters.within

    def times(self, spikes: dict[str, np.ndarray], since: int) -> list[float]:
        """When rewards come [s] for the spikes, (steps, units) by population, from step `since` on."""
        p = self.parameters
        pre, post = (
            np.sort(spikes[name][0][spikes[name][1] == unit])
            for name, unit in zip((self.source, self.target), self.pair, strict=True)
        )
        post = post[post >= since]
        before = np.searchsorted(pre, post, side="left") - 1
        gap = post - pre[np.maximum(before, 0)] if pre.size else post
        earned = post[(before >= 0) & (gap * self.dt <= p.within * (1 + 1e-9))]
        with np.errstate(over="ignore"):  # words of the random generator overflow on purpose
            u = np.array([uniform(self.key, int(step)) for step in earned])
        return [float(t) for t in earned * self.dt + p.soonest + (p.latest - p.soonest) * u]
