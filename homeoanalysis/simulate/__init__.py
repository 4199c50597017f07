"""simulate: from a model to an activity, the same kind of dataset that a recording becomes."""

from homeoanalysis.simulate.verb import simulate

__all__ = ["simulate"]
