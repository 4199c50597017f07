"""Rule page: what several studies found -> one page."""

from pathlib import Path

from homeoanalysis.config.study import Study
from homeoanalysis.contracts import open_dataset
from homeoanalysis.contracts.outcomes import read
from homeoanalysis.files import write_text
from homeoanalysis.job import job
from homeoanalysis.report.overview import Found, overview

p, files = snakemake.params, snakemake.input
with job(snakemake.log[0]):
    found = []
    for (name, written), comparison in zip(p.studies.items(), files.comparisons, strict=True):
        outcomes = read(Path(p.tables[name])) if name in p.tables else []
        pictures = [Path(path) for path in p.pictures[name]]
        found.append(Found(name, Study.model_validate(written), open_dataset(comparison), outcomes, pictures))
    write_text(overview(found, Path(files.template)), snakemake.output[0])
