"""Rule simulate: a batch of random realisations of a model -> activity/1, one group each."""

from pathlib import Path

from homeoanalysis.config.model import Model
from homeoanalysis.contracts import by_replicate, open_replicates, write
from homeoanalysis.job import job
from homeoanalysis.provenance import code_of, inputs_of, stamp
from homeoanalysis.simulate import sessions, simulate

p, source, files = snakemake.params, snakemake.wildcards.model, snakemake.input
with job(snakemake.log[0]):
    model = Model.model_validate(p.model)
    stimuli = list(open_replicates(files.stimulus)) or [None]
    options = dict(name=p.stream, seed=p.seed, threads=snakemake.threads)
    kept = Path("results/checkpoints", source)
    pairs = [(s, k) for s in stimuli for k in p.realisations]
    runs = [simulate(model, replicate=k, stimulus=s, checkpoint=kept / f"{k}.npz", **options) for s, k in pairs]
    provenance = dict(step="simulate", code=code_of("simulate", *model.entries()), parameters=p.model, seed=p.seed)
    recorded = [part.assign_attrs(source=source) for run in runs for part in sessions(run, model.sessions)]
    stamped = [stamp(part, inputs=inputs_of(files), **provenance) for part in recorded]
    write(by_replicate(stamped), snakemake.output[0])
