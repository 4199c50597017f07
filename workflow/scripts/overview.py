"""Rule overview: the published figures of all studies -> one page, and a table of Markdown."""

from pathlib import Path

from homeoanalysis.contracts.outcomes import read
from homeoanalysis.files import replacing
from homeoanalysis.job import job
from homeoanalysis.report.overview import Published, markdown, overview

p, files = snakemake.params, snakemake.input
with job(snakemake.log[0]):
    listed = [
        Published(study, read(Path(table)), Path(picture))
        for study, table, picture in zip(p.studies, files.tables, files.pictures, strict=True)
    ]
    page = overview(listed, Path(files.template))
    texts = (page, markdown(listed, {one.study: f"figures/{one.study}.png" for one in listed}))
    for path, text in zip(snakemake.output, texts, strict=True):
        with replacing(path) as part:
            part.write_text(text, encoding="utf-8")
