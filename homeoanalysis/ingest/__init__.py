"""ingest: the files of one replicate of a recording -> activity/1, with nothing lost unsaid."""

from homeoanalysis.ingest.header import examine
from homeoanalysis.ingest.verb import ingest

__all__ = ["examine", "ingest"]
