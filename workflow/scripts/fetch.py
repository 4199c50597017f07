"""Rule fetch: one file of a recording, checked, into data/."""

from pathlib import Path

from homeoanalysis.config.recording import File, Source
from homeoanalysis.fetch import fetch
from homeoanalysis.job import job

with job(snakemake.log[0]):
    fetch(
        Source.model_validate(snakemake.params.source),
        File.model_validate(snakemake.params.file),
        recording=snakemake.wildcards.recording,
        destination=Path(snakemake.output[0]),
    )
