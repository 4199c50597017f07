"""Rule measure: the activities of one source -> measure/1, with halves and surrogates in groups of their own."""

from homeoanalysis.config.entries import Metric
from homeoanalysis.contracts import open_parts, open_replicates, write
from homeoanalysis.job import job
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.numerics.blinding import VARIABLES, blindness
from homeoanalysis.provenance import code_of, inputs_of, stamp

p, files = snakemake.params, snakemake.input
with job(snakemake.log[0]):
    metric = Metric.validate_python(p.metric)
    given = dict(metric.parameters)
    if p.blindness:
        given["blind"] = blindness(replicates=open_parts(files.like, VARIABLES), seed=p.seed, **p.blindness)
    found = {"": measure(open_replicates(files.activities), metric.name, **given)}
    found |= measure_draws(open_replicates(files.activities), metric.name, **p.resampling, seed=p.seed, **given)
    parameters = {"metric": p.metric, "resampling": dict(p.resampling), "blindness": p.blindness, "order": p.order}
    code = [*code_of("config.entries"), *code_of("measure", ("metrics", metric.name))]
    made = dict(code=code, parameters=parameters, inputs=inputs_of(files), seed=p.seed)
    write({kind: stamp(d, step="measure", **made) for kind, d in found.items()}, snakemake.output[0])
