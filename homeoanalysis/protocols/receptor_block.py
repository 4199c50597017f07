"""A drug that blocks receptors."""

from typing import Annotated, Any, NamedTuple

from pydantic import Field

from homeoanalysis.units import Second


class ReceptorBlock(NamedTuple):
    """From `start` on, for good or until `stop`, a channel of the named populations has `scale` times its effect.

    A block of all inhibitory (GABA) or excitatory (AMPA) receptors has the scale 0. What acts is scaled, whatever the
    synapses are: weights, inputs from outside and plasticity go on as they were.

    Source: Turrigiano et al. 1998, Nature 391:892-896, doi:10.1038/36103 (bicuculline, CNQX).
    """

    populations: list[str]
    channel: str
    start: Second
    stop: Second | None = None
    scale: Annotated[float, Field(ge=0)] = 0.0

    def times(self) -> list[float]:
        """When it changes the network [s]."""
        return [self.start] if self.stop is None else [self.start, self.stop]

    def change(self, network: Any, k: int) -> None:
        """Change the network at the k-th of these times."""
        for population in self.populations:
            network.scale_channel(population, self.channel, self.scale if k == 0 else 1.0)
