"""Rule ingest: the files of one replicate -> activity/1."""

from pathlib import Path

from homeoanalysis.config.recording import Recording, published
from homeoanalysis.contracts import write
from homeoanalysis.ingest import ingest
from homeoanalysis.job import job
from homeoanalysis.provenance import code_of, file_hash, stamp

raw, name, replicate = snakemake.params.recording, snakemake.wildcards.recording, snakemake.wildcards.replicate
with job(snakemake.log[0]):
    recording = Recording.model_validate(raw)
    files = {role: Path(path) for role, path in snakemake.input.items()}
    activity = ingest(recording, name=name, replicate=replicate, files=files)
    code = code_of("ingest", *recording.entries())
    inputs = {recording.replicates[replicate].all_files()[role].name: file_hash(path) for role, path in files.items()}
    write(stamp(activity, step="ingest", code=code, parameters=published(raw), inputs=inputs, seed=0), snakemake.output[0])
