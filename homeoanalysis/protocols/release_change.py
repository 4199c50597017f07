"""A change of what synapses release."""

from typing import Annotated, Any, NamedTuple

from pydantic import Field

from homeoanalysis.units import Second


class ReleaseChange(NamedTuple):
    """From `start` on, for good or until `stop`, spikes of the named projections transmit `scale` times the weight.

    The weights themselves, and the plasticity that reads them, go on as they were.

    Source: presynaptic homeostasis as a change of release, Murthy et al. 2001, Neuron 32:673-682,
    doi:10.1016/S0896-6273(01)00500-1.
    """

    projections: list[str]
    scale: Annotated[float, Field(ge=0)]
    start: Second
    stop: Second | None = None

    def times(self) -> list[float]:
        """When it changes the network [s]."""
        return [self.start] if self.stop is None else [self.start, self.stop]

    def change(self, network: Any, k: int) -> None:
        """Change the network at the k-th of these times."""
        for projection in self.projections:
            network.scale_transmission(projection, self.scale if k == 0 else 1.0)
