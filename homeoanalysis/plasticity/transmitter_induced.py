"""Transmitter-induced plasticity: every presynaptic spike potentiates a little, so that no synapse stays silent."""

from typing import Annotated, Any, NamedTuple

from pydantic import Field

from homeoanalysis.numerics.mechanism import Site
from homeoanalysis.units import parse


class TransmitterInduced(NamedTuple):
    """Presynaptic spike: dw = w_ref delta. w_ref is `weight_reference`, without it the projection's weight_max.

    Source: Zenke, Agnes & Gerstner 2015, Nat Commun 6:6922, doi:10.1038/ncomms7922; default: the authors' code
    (pub2015orchestrated, P10Connection: 0.02 of a learning rate of 1e-3), whose w_ref is the leak conductance.
    """

    delta: Annotated[float, Field(ge=0)] = 2e-5
    weight_reference: str | None = None

    form = "event"  # type: ignore[misc]

    def build(self, site: Site) -> "_Kernel":
        """The rule for one projection."""
        reference = site.weight_max if self.weight_reference is None else parse(self.weight_reference, site.weight_unit)
        return _Kernel(site.grid.number(reference * self.delta))


class _Kernel(NamedTuple):
    delta: Any

    @staticmethod
    def on_pre(rule, armed, i, w, k):  # type: ignore[no-untyped-def]
        return rule.delta
