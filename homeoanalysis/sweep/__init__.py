"""sweep: a model at many values of its parameters, simulated and measured point by point, in one dataset (sweep/1)."""

from homeoanalysis.sweep.gather import gather
from homeoanalysis.sweep.picture import picture
from homeoanalysis.sweep.points import Verbs, sweep_points

__all__ = ["Verbs", "gather", "picture", "sweep_points"]
