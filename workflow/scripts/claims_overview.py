"""Rule claims_overview: the claims of all studies -> one page, a table and claims/1."""

from pathlib import Path

from homeoanalysis.contracts import write
from homeoanalysis.contracts.claims import dataset, text
from homeoanalysis.files import write_text
from homeoanalysis.job import job
from homeoanalysis.report.claims import Study, page
from homeoanalysis.report.times import total
from homeoanalysis.reproduce import examined, tabulate

p, files, out = snakemake.params, snakemake.input, snakemake.output
with job(snakemake.log[0]):
    studies, tested = {}, {}
    for name, table, picture in zip(p.tested, files.tables, files.pictures, strict=True):
        tested[name] = examined(p.tested[name], p.written[name], table, p.sweeps[name], p.size, total(p.times[name]))
        studies[name] = Study(tested[name].claim, tested[name].outcomes, Path(picture))
    rows = tabulate(p.claims, tested)
    write(dataset(rows), out.nc)
    write_text(page(rows, studies, Path(files.template), size=p.size), out.html)
    write_text(text(rows), out.csv)
