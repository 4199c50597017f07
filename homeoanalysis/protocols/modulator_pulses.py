"""A neuromodulator is released at given times: reward, dopamine, novelty."""

from typing import Annotated, Any, NamedTuple

from pydantic import Field

from homeoanalysis.units import Second


class ModulatorPulses(NamedTuple):
    """At each of the times `pulses` the modulator of a projection jumps by `amount`; its rule says how it decays.

    A negative amount is a dip, such as a missing reward.

    Source: phasic dopamine, Schultz, Dayan & Montague 1997, Science 275:1593-1599, doi:10.1126/science.275.5306.1593; as
    pulses of 0.5, Izhikevich 2007, Cereb Cortex 17:2443-2452, doi:10.1093/cercor/bhl152.
    """

    projection: str
    pulses: Annotated[list[Second], Field(min_length=1)]
    amount: float = 0.5

    def times(self) -> list[float]:
        """When it changes the network [s]."""
        return sorted(self.pulses)

    def change(self, network: Any, k: int) -> None:
        """Change the network at the k-th of these times."""
        network.modulate(self.projection, self.amount)
