"""Tetrodotoxin: no action potentials."""

from typing import Any, NamedTuple

from homeoanalysis.units import Second


class Ttx(NamedTuple):
    """From `start` on, for good or until `stop`, the named populations fire no spike, and the named inputs none either.

    Without sodium channels there is no upstroke: the membranes stay at v_reset. Spikes that are on their way still arrive.
    By default all populations are silent; inputs must be named, since some stand for spontaneous release, which the toxin
    spares.

    Source: Turrigiano et al. 1998, Nature 391:892-896, doi:10.1038/36103, figure 1.
    """

    start: Second
    stop: Second | None = None
    populations: list[str] | None = None
    inputs: list[str] = []

    def times(self) -> list[float]:
        """When it changes the network [s]."""
        return [self.start] if self.stop is None else [self.start, self.stop]

    def change(self, network: Any, k: int) -> None:
        """Change the network at the k-th of these times."""
        for population in network.neurons if self.populations is None else self.populations:
            network.silence(population, self.start if k == 0 else None)
        for name in self.inputs:
            network.replace("inputs", name, lambda made, name=name: network.protocols[name].scaled(made, float(k)))
