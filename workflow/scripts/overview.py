"""Rule overview: what all studies found -> one page."""

from pathlib import Path

from homeoanalysis.config.study import Study
from homeoanalysis.contracts import open_dataset
from homeoanalysis.contracts.outcomes import read
from homeoanalysis.files import write_text
from homeoanalysis.job import job
from homeoanalysis.report.overview import Found, overview

p, files = snakemake.params, snakemake.input
with job(snakemake.log[0]):
    comparisons, tables = dict(zip(p.judging, files.comparisons, strict=True)), dict(zip(p.published, files.tables, strict=True))
    found = []
    for name, written in p.studies.items():
        comparison = open_dataset(comparisons[name]) if name in comparisons else None
        outcomes = read(Path(tables[name])) if name in tables else []
        found.append(Found(name, Study.model_validate(written), comparison, outcomes, [Path(path) for path in p.pictures[name]]))
    write_text(overview(found, Path(files.template)), snakemake.output[0])
