"""Rule ingest: the files of one replicate -> activity/1."""

from pathlib import Path

from homeoanalysis.config import Recording
from homeoanalysis.contracts import write
from homeoanalysis.ingest import ingest
from homeoanalysis.job import job
from homeoanalysis.provenance import code_of, file_hash, stamp

raw, name = snakemake.params.recording, snakemake.wildcards.recording
with job(snakemake.log[0]):
    recording = Recording.model_validate(raw)
    files = {role: Path(path) for role, path in snakemake.input.items()}
    activity = ingest(recording, name=name, replicate=snakemake.wildcards.replicate, files=files)
    code = code_of("ingest", *recording.entries())
    inputs = {path.name: file_hash(path) for path in files.values()}
    write(stamp(activity, step="ingest", code=code, parameters=raw, inputs=inputs, seed=0), snakemake.output[0])
