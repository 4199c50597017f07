"""Rule sweep: the parts of a sweep -> one dataset (sweep/1), and its figure."""

from homeoanalysis.contracts import open_dataset, write
from homeoanalysis.drawing import save
from homeoanalysis.job import job
from homeoanalysis.sweep import gather, picture

names = snakemake.wildcards
with job(snakemake.log[0]):
    made = gather([open_dataset(path) for path in snakemake.input], snakemake.params.metrics)
    made = made.assign_attrs(study=names.study, sweep=names.sweep, design=snakemake.params.design)
    write(made, snakemake.output.nc)
    drawn = picture(made)
    for path in (snakemake.output.png, snakemake.output.pdf):
        save(drawn, path)
