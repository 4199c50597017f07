"""Rule overview: the published figures of all studies -> one page."""

from pathlib import Path

from homeoanalysis.contracts.outcomes import read
from homeoanalysis.files import write_text
from homeoanalysis.job import job
from homeoanalysis.report.overview import Published, overview

p, files = snakemake.params, snakemake.input
with job(snakemake.log[0]):
    each = zip(p.studies, map(Path, files.tables), map(Path, files.pictures), strict=True)
    listed = [Published(study, read(table), picture) for study, table, picture in each]
    write_text(overview(listed, Path(files.template)), snakemake.output[0])
