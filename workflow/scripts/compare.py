"""Rule compare: all measures of a study -> comparison/2."""

from homeoanalysis.compare import compare, open_measures
from homeoanalysis.config.contrast import Contrasts, expanded
from homeoanalysis.contracts import write
from homeoanalysis.job import job
from homeoanalysis.provenance import code_of, inputs_of, stamp

p, study = snakemake.params, snakemake.wildcards.study
with job(snakemake.log[0]):
    measures = open_measures(p.measures, snakemake.input)
    contrasts = Contrasts.validate_python(p.contrasts)
    how = dict(targets=p.targets, fitted=p.fitted, margin=p.margin)
    result = compare(measures, contrasts=contrasts, **how, study=study, seed=p.seed)
    used = sorted({("metrics", label.partition(".")[0]) for label in measures})
    parameters = {"contrasts": expanded(p.contrasts), **how}
    provenance = dict(code=code_of("compare", *used), parameters=parameters, inputs=inputs_of(snakemake.input), seed=p.seed)
    write(stamp(result, step="compare", **provenance), snakemake.output[0])
