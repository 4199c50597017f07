"""Rule reproduce: comparison of a study -> its published numbers beside ours, as a table and a picture."""

from homeoanalysis.config.published import Published
from homeoanalysis.contracts import open_dataset
from homeoanalysis.contracts.outcomes import table
from homeoanalysis.drawing import save
from homeoanalysis.files import replacing
from homeoanalysis.job import job
from homeoanalysis.reproduce import picture, reproduce

p, out = snakemake.params, snakemake.output
with job(snakemake.log[0]):
    outcomes = reproduce(Published.validate_python(p.published), open_dataset(snakemake.input[0]), p.sizes)
    with replacing(out.csv) as part:
        part.write_text(table(outcomes), encoding="utf-8")
    drawn = picture(outcomes)
    for path in (out.png, out.pdf):
        save(drawn, path)
