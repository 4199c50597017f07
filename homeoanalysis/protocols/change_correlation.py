"""A change of the correlation of some inputs."""

from typing import Annotated, Any, NamedTuple

from pydantic import Field

from homeoanalysis.units import Second


class ChangeCorrelation(NamedTuple):
    """From `start` on, the named inputs have another `correlation` at the rate that they have: for good, or until `stop`.

    Lid suture leaves spikes in the optic nerve and takes away their correlation; this is the part of a deprivation that
    `scale_input` does not model.

    Source: Linden et al. 2009, Nat Neurosci 12:390-392, doi:10.1038/nn.2284.
    """

    inputs: list[str]
    correlation: Annotated[float, Field(gt=0, le=1)]
    start: Second
    stop: Second | None = None

    needs = "correlated"  # type: ignore[misc]  # what the inputs must be able to do

    def times(self) -> list[float]:
        """When it changes the network [s]."""
        return [self.start] if self.stop is None else [self.start, self.stop]

    def change(self, network: Any, k: int) -> None:
        """Change the network at the k-th of these times."""
        for name in self.inputs:
            protocol = network.protocols[name]
            correlation = self.correlation if k == 0 else protocol.correlation
            network.replace("inputs", name, lambda made, p=protocol, c=correlation: p.correlated(made, c))
