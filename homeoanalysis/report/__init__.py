"""report: a study's comparison, measures and figures, on one page."""

from homeoanalysis.report.verb import report

__all__ = ["report"]
