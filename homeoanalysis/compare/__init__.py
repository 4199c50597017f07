"""compare: the measures of a study's sources, and how far each candidate is from each target."""

from homeoanalysis.compare.contrasts import NotComparable
from homeoanalysis.compare.verb import Measured, compare, open_measures

__all__ = ["Measured", "NotComparable", "compare", "open_measures"]
