"""Rule sweep_part: some points of a sweep -> each simulated and measured (sweep/1); what they fired is not kept."""

from functools import partial

from homeoanalysis.config.model import Model
from homeoanalysis.contracts import open_parts, open_replicates, write
from homeoanalysis.job import job
from homeoanalysis.measure import measure
from homeoanalysis.numerics.blinding import VARIABLES, blindness
from homeoanalysis.provenance import code_of, inputs_of, stamp
from homeoanalysis.simulate import sessions, simulate
from homeoanalysis.sweep.points import Verbs, sweep_points

p, files = snakemake.params, snakemake.input
with job(snakemake.log[0]):
    blind = blindness(replicates=open_parts(files.like, VARIABLES), seed=p.seed, **p.blindness) if p.blindness else None
    run = partial(simulate, name=p.stream, seed=p.seed, threads=snakemake.threads)
    stimuli = list(open_replicates(files.stimulus)) or [None]
    how = dict(source=p.source, stimuli=stimuli, realisations=len(p.realisations), metrics=p.metrics)
    made = sweep_points(p.model, p.points, Verbs(run, sessions, partial(measure, blind=blind)), **how)
    used = {"model": p.model, "blindness": p.blindness, "realisations": p.realisations, "metrics": p.metrics, "order": p.order}
    entries = [*Model.model_validate(p.model).entries(), *(("metrics", label.partition(".")[0]) for label in p.metrics)]
    code = [*code_of("sweep.points", *entries), *code_of("simulate"), *code_of("measure")]
    write(stamp(made, step="sweep", code=code, parameters=used, inputs=inputs_of(files), seed=p.seed), snakemake.output[0])
