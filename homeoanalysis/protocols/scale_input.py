"""A sustained change of the strength of some inputs."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from homeoanalysis.units import Second


class ScaleInput(NamedTuple):
    """From `start` on, the rate of the named inputs is `scale` times what their protocol says, for good.

    A sustained loss of drive is the question that firing-rate homeostasis answers: a set point shows only while
    the perturbation lasts. A second entry with scale 1 ends it.

    Source: sustained deprivation, Hengen et al. 2013, Neuron 80:335-342, doi:10.1016/j.neuron.2013.08.038.
    """

    inputs: list[str]
    scale: Annotated[float, Field(ge=0)]
    start: Second

    def change(self, protocols: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """What is different from `start` on, given all protocols of the model and what they built."""
        return {name: protocols[name].scaled(inputs[name], self.scale) for name in self.inputs}
