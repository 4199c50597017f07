"""simulate: from a model to an activity, the same kind of dataset that a recording becomes."""

from homeoanalysis.simulate.sessions import sessions
from homeoanalysis.simulate.verb import simulate

__all__ = ["sessions", "simulate"]
