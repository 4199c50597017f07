"""export: an activity -> a file of another format, with nothing lost unsaid."""

from homeoanalysis.export.verb import FORMATS, export

__all__ = ["FORMATS", "export"]
