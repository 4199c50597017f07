"""Rule measure: the activities of one source -> measure/1, with halves and surrogates in groups of their own."""

from homeoanalysis.config.study import Metric, Resampling
from homeoanalysis.contracts import open_replicates, write
from homeoanalysis.job import job
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.provenance import code_of, inputs_of, stamp

p = snakemake.params
with job(snakemake.log[0]):
    metric = Metric.validate_python(p.metric)
    how = Resampling.model_validate(p.resampling).model_dump()
    found = {"": measure(open_replicates(snakemake.input), metric.name, **metric.parameters)}
    activities = open_replicates(snakemake.input)
    found |= measure_draws(activities, metric.name, **how, seed=p.seed, **metric.parameters)
    code = code_of("measure", ("metrics", metric.name))
    parameters, inputs = {"metric": p.metric, "resampling": how}, inputs_of(snakemake.input)
    stamped = {
        k: stamp(d, step="measure", code=code, parameters=parameters, inputs=inputs, seed=p.seed) for k, d in found.items()
    }
    write(stamped, snakemake.output[0])
