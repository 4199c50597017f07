"""Rule judge: comparison of a study -> the statistics of its claim and its violations, as a table and a picture."""

from homeoanalysis.config.claim import Claim
from homeoanalysis.contracts import open_dataset
from homeoanalysis.contracts.outcomes import table
from homeoanalysis.drawing import save
from homeoanalysis.files import write_text
from homeoanalysis.job import job
from homeoanalysis.reproduce import beside, judge, picture

p, out = snakemake.params, snakemake.output
with job(snakemake.log[0]):
    claim = Claim.model_validate(p.claim)
    outcomes = judge(claim, open_dataset(snakemake.input[0]), p.sizes)
    write_text(table(outcomes), out.csv)
    drawn = picture(beside(claim, outcomes), known="recording")
    for path in (out.png, out.pdf):
        save(drawn, path)
