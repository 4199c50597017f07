"""A rule of plasticity that is switched off, or made slower or faster."""

from typing import Annotated, Any, NamedTuple

from pydantic import Field

from homeoanalysis.units import Second


class SwitchRule(NamedTuple):
    """From `start` on, for good or until `stop`, a rule changes `scale` times what it would; 0 switches it off.

    `rule` is written `projection.rule`, or `population.rule` for an intrinsic one, e.g. I_to_E.inhibitory_stdp. Its traces and
    rate detectors go on. A rule that acts in the second half of a run only is switched off at 0 s until then.

    Source: a knock-out of one mechanism of homeostasis at a time, Turrigiano 2012, Cold Spring Harb Perspect Biol 4:a005736,
    doi:10.1101/cshperspect.a005736.
    """

    rule: str
    start: Second
    stop: Second | None = None
    scale: Annotated[float, Field(ge=0)] = 0.0

    def times(self) -> list[float]:
        """When it changes the network [s]."""
        return [self.start] if self.stop is None else [self.start, self.stop]

    def change(self, network: Any, k: int) -> None:
        """Change the network at the k-th of these times."""
        owner, rule = self.rule.split(".")
        network.scale_plasticity(owner, rule, self.scale if k == 0 else 1.0)
