"""Rule ingest: the files of one replicate, or of all that are read from the same -> activity/1, of several a group each."""

from pathlib import Path

from homeoanalysis.config.recording import Recording, published
from homeoanalysis.contracts import by_replicate, write
from homeoanalysis.identity import file_hash
from homeoanalysis.ingest import ingest_batch
from homeoanalysis.job import job
from homeoanalysis.provenance import code_of, stamp

raw, name = snakemake.params.recording, snakemake.wildcards.recording
with job(snakemake.log[0]):
    recording = Recording.model_validate(raw)
    files = {role: Path(path) for role, path in snakemake.input.items()}
    listed = next(iter(recording.replicates.values())).all_files()
    inputs = {listed[role].name: file_hash(path) for role, path in files.items()}
    made = dict(step="ingest", code=code_of("ingest", *recording.entries()), inputs=inputs, seed=0)
    found = by_replicate(ingest_batch(recording, name=name, files=files))
    stamped = {replicate: stamp(a, parameters=published(raw, replicate), **made) for replicate, a in found.items()}
    write(stamped if len(stamped) > 1 else stamped.popitem()[1], snakemake.output[0])
