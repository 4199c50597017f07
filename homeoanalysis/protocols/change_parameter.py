"""Another value of one parameter of a neuron model or a rule."""

from typing import Any, NamedTuple

from homeoanalysis.units import Second


class ChangeParameter(NamedTuple):
    """From `start` on, for good or until `stop`, one parameter has another value.

    `of` names it: owner.entry.parameter, where the owner is a population or a projection of the model and the entry its neuron
    model or one of its rules, e.g. I_to_E.inhibitory_stdp.target_rate or E.lif_conductance.v_threshold. `value` is written as
    under that entry. State variables and what plasticity has changed stay; a change of `drive`, or of a threshold that a rule
    moves, is added to it. The time constant of a presynaptic trace, of eligibility or of a rate detector cannot be changed.

    Source: the parameter step as a question to a controller, O'Leary et al. 2014, Neuron 82:809-821,
    doi:10.1016/j.neuron.2014.04.002.
    """

    of: str
    value: Any
    start: Second
    stop: Second | None = None

    def times(self) -> list[float]:
        """When it changes the network [s]."""
        return [self.start] if self.stop is None else [self.start, self.stop]

    def change(self, network: Any, k: int) -> None:
        """Change the network at the k-th of these times."""
        value, time = (self.value, self.start) if k == 0 else (None, self.stop)
        network.set_parameter(*self.of.split("."), value, time)
