# The checked config, the paths that follow from it, and the names that wildcards may take.
import functools
import re
import shlex
import sys
from pathlib import Path

from homeoanalysis.config.loading import load_config
from homeoanalysis.errors import ConfigError
from homeoanalysis.files import clear_parts, refuse_full_temporary_folder, refuse_read_only
from homeoanalysis.plan import Plan
from homeoanalysis.provenance import code_digest, code_of
from homeoanalysis.resources import Need, of_files, of_model

try:
    CONFIG = load_config("config", config)
    PLAN = Plan(CONFIG)
    refuse_read_only(Path("results"), Path(".snakemake"))
    refuse_full_temporary_folder()
except ConfigError as error:
    # Not an exception that Snakemake knows: it would put lines of its own about this file around the faults.
    raise SystemExit(f"ConfigError: {error}") from None
# Snakemake writes this path into shell commands as it is: with a space in it, every job would fail.
sys.executable = shlex.quote(sys.executable)


def any_of(names):
    """The regular expression of a wildcard that takes only these names, so that a misspelt target fails at once."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


def report_parts():
    """What the templates of the pages include."""
    return [local(f"{workflow.basedir}/workflow/report/{name}") for name in ("style.html.j2", "picture.html.j2", "figures.js")]


def asking(need):
    """The resources of a rule whose jobs need `need(wildcards, input)`."""

    def resource(name):
        return lambda w, input, attempt: getattr(need(w, input).times(attempt), name)

    return {name: resource(name) for name in Need._fields}


@functools.cache
def need_to_simulate(source, batch):
    """Of the realisations of a batch."""
    model = PLAN.model(source)
    return of_model(model, runs=PLAN.runs(model, len(PLAN.realisations(source)[batch])))


@functools.cache
def need_to_sweep(study, sweep, part):
    """Of some points of a sweep, as if each were the model itself; one point at a time is in memory."""
    model = PLAN.model(PLAN.sweep_source(study, sweep))
    runs = PLAN.runs(model, PLAN.sweep_realisations(study, sweep))
    every = of_model(model, runs=runs * len(PLAN.sweep_parts(study, sweep)[part]))
    return every._replace(mem_mb=of_model(model, runs=runs).mem_mb)


def need_to_measure(w, input):
    """By the activities, and the one that a model is measured like; spikes are eight times as large in memory, and copied."""
    return of_files(input.size_mb, draws=PLAN.resampling(w.study, w.label, w.source)["draws"], fold=40.0)


# Their jobs run where Snakemake runs: a node of a cluster may have no network, and pages over all studies are made in a moment.
localrules:
    claims_overview,
    fetch,
    page,


# The folder is locked by now, so that no other run writes here.
onstart:
    clear_parts(Path("results"), Path("data"))
    # While it limits how many jobs start in a second, Snakemake 9.27 looks for jobs once a second for each that ever ended: after some
    # hundred jobs it does little else. Its default, 100, is never reached here, and no cluster needs it of jobs on this machine.
    limiter = workflow.scheduler.job_rate_limiter
    if workflow.local_exec and limiter and (limiter.max_jobs, limiter.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


wildcard_constraints:
    recording=any_of(CONFIG.recordings),
    model=any_of(PLAN.simulated),
    batch="[A-Za-z0-9_-]+",
    study=any_of(CONFIG.studies),
    sweep=any_of(sorted({name for study in CONFIG.studies.values() for name in study.sweeps})),
    part="[0-9]+",
    label="[A-Za-z0-9_]+([.][A-Za-z0-9_]+)?",
    figure="(?!(published|claim)[.])[A-Za-z0-9_]+",  # those are drawn by the rules reproduce and judge
