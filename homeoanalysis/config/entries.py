"""One metric or figure, as a job is given it: apart from studies, whose schema takes as long to make as a short job runs."""

from pydantic import TypeAdapter

from homeoanalysis.config.fields import Entry, entry

FigureEntry: TypeAdapter[Entry] = TypeAdapter(entry("figures"))
Metric: TypeAdapter[Entry] = TypeAdapter(entry("metrics"))
