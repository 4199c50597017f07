"""Rule draw: measures and comparison of a study -> one figure, as PNG and PDF."""

from homeoanalysis.compare import open_measures
from homeoanalysis.config.entries import FigureEntry
from homeoanalysis.contracts import open_dataset
from homeoanalysis.draw import draw
from homeoanalysis.drawing import save
from homeoanalysis.job import job

p = snakemake.params
with job(snakemake.log[0]):
    figure = FigureEntry.validate_python(p.figure)
    measured = open_measures(p.measures, snakemake.input.measures)
    estimates = {label: {s: m.estimate for s, m in by_source.items()} for label, by_source in measured.items()}
    drawn = draw(figure.name, estimates, open_dataset(snakemake.input.comparison), **figure.parameters)
    for path in snakemake.output:
        save(drawn, path)
