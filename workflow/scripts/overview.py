"""Rule overview: the published figures of all studies -> one page, and a table of Markdown with small pictures."""

from pathlib import Path

from homeoanalysis.files import replacing
from homeoanalysis.job import job
from homeoanalysis.report.overview import gathered, markdown, overview, small_pictures
from homeoanalysis.reproduce import thumbnail

p, files, out = snakemake.params, snakemake.input, snakemake.output
with job(snakemake.log[0]):
    each = zip(p.studies, map(Path, files.tables), map(Path, files.pictures), p.times, strict=True)
    listed = [gathered(*one) for one in each]
    folder = Path(out.thumbnails)
    folder.mkdir(exist_ok=True)
    for name, outcomes in small_pictures(listed).items():
        thumbnail(outcomes, folder / name)
    page, table = overview(listed, Path(files.template)), markdown(listed, commit=p.commit, folder=folder.name)
    for path, text in ((out.html, page), (out.markdown, table)):
        with replacing(path) as part:
            part.write_text(text, encoding="utf-8")
