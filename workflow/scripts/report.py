"""Rule report: everything of a study -> one HTML page."""

from pathlib import Path

from homeoanalysis.compare import open_measures
from homeoanalysis.config.study import Study
from homeoanalysis.config.yaml import dump
from homeoanalysis.contracts import open_dataset
from homeoanalysis.contracts.outcomes import read
from homeoanalysis.files import replacing
from homeoanalysis.job import job
from homeoanalysis.report import report
from homeoanalysis.report.times import times

p, files = snakemake.params, snakemake.input
with job(snakemake.log[0]):
    measured = open_measures(p.measures, files.measures)
    estimates = {label: {s: m.estimate for s, m in by_source.items()} for label, by_source in measured.items()}
    figures = {Path(path).stem: Path(path) for path in [*files.figures, *files.pictures]}
    parts = dict(comparison=open_dataset(files.comparison), measures=estimates, figures=figures)
    parts |= dict(template=Path(files.template), outcomes=[o for path in files.tables for o in read(Path(path))])
    parts |= dict(config=dump(p.study), times=times({Path(path): rule for path, rule in p.times.items()}))
    with replacing(snakemake.output[0]) as part:
        part.write_text(report(Study.model_validate(p.study), name=snakemake.wildcards.study, **parts), encoding="utf-8")
