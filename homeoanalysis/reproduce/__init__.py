"""The verb `reproduce`: what papers published, and what is claimed, beside what the comparison of a study holds."""

from homeoanalysis.reproduce.claim import Examined, beside, examined, judge, tabulate
from homeoanalysis.reproduce.picture import picture, thumbnail
from homeoanalysis.reproduce.verb import reproduce

__all__ = ["Examined", "beside", "examined", "judge", "picture", "reproduce", "tabulate", "thumbnail"]
