"""ingest: the files of replicates of a recording -> activity/1, with nothing lost unsaid."""

from homeoanalysis.ingest.header import examine
from homeoanalysis.ingest.verb import ingest, ingest_batch

__all__ = ["examine", "ingest", "ingest_batch"]
