"""A sustained change of the strength of some inputs."""

from typing import Annotated, Any, NamedTuple

from pydantic import Field

from homeoanalysis.units import Second


class ScaleInput(NamedTuple):
    """From `start` on, the rate of the named inputs is `scale` times what their protocol says: for good, or until `stop`.

    A sustained loss of drive is the question that firing-rate homeostasis answers: a set point shows only while
    the perturbation lasts.

    Source: sustained deprivation, Hengen et al. 2013, Neuron 80:335-342, doi:10.1016/j.neuron.2013.08.038.
    """

    inputs: list[str]
    scale: Annotated[float, Field(ge=0)]
    start: Second
    stop: Second | None = None

    def times(self) -> list[float]:
        """When it changes the network [s]."""
        return [self.start] if self.stop is None else [self.start, self.stop]

    def change(self, network: Any, k: int) -> None:
        """Change the network at the k-th of these times."""
        scale = self.scale if k == 0 else 1.0
        for name in self.inputs:
            network.replace("inputs", name, lambda made, name=name: network.protocols[name].scaled(made, scale))
