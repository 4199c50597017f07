"""The verb `reproduce`: what papers published beside what the comparison of a study holds."""

from homeoanalysis.reproduce.picture import picture, thumbnail
from homeoanalysis.reproduce.verb import reproduce

__all__ = ["picture", "reproduce", "thumbnail"]
