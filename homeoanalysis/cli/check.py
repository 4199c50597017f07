"""check: is the config right, and which jobs does it ask for?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.cli.text import count, printable, some, table
from homeoanalysis.config import Config, load_config
from homeoanalysis.errors import ConfigError, DataError
from homeoanalysis.plan import Plan

_SHOWN = 5


def check(folder: Path, studies: Sequence[str]) -> Iterator[str]:
    """The report, line by line. Raises ConfigError for a fault, DataError if files of the user are missing."""
    config = load_config(folder)
    unknown = [name for name in studies if name not in config.studies]
    wrong = [f"{name!r} is no study; {did_you_mean(name, config.studies)}" for name in unknown]
    if wrong:
        raise ConfigError(*wrong)
    things = (count(len(config.recordings), "recording"), count(len(config.raw_models), "model"))
    counted = f"{_studies(len(config.studies))}, {', '.join(things)}"
    yield f"{folder}: {counted}: no fault found. Size of the models: {config.main.size}."
    plan = Plan(config)
    chosen = list(dict.fromkeys(studies)) or config.main.studies
    for name in chosen:
        yield ""
        yield from _study(plan, name)
    absent = _absent(plan, chosen)
    if absent:
        shown, more = some(absent, _SHOWN)
        raise DataError(f"files of yours are missing: {', '.join(shown)}{more}; mend source.folder or the files' names")
    yield ""
    yield "An output that exists may still be out of date: `snakemake -n` decides that, and says why."
    yield f"Run: snakemake --cores 2{' ' + ' '.join(chosen) if studies else ''}"


def _studies(n: int) -> str:
    return "1 study" if n == 1 else f"{n} studies"


def _study(plan: Plan, name: str) -> Iterator[str]:
    study = plan.config.studies[name]
    yield f"{name}: {printable(study.title, 100)}"
    yield f"  sources: {', '.join(plan.config.sources(name).values())}"
    done: dict[str, int] = {}
    missing: dict[str, list[str]] = {}
    for job in plan.jobs(name):
        left = [path for path in job.outputs if not Path(path).is_file()]
        done[job.rule] = done.get(job.rule, 0) + (not left)
        missing.setdefault(job.rule, []).extend(left[:1])
    yield from table([(rule, *_counts(done[rule], missing[rule])) for rule in done])


def _counts(n_done: int, missing: Sequence[str]) -> tuple[str, str, str]:
    total = count(n_done + len(missing), "job")
    if not missing:
        return total, "all outputs exist", ""
    shown, more = some(missing, 2)
    return total, f"{n_done} exist, {len(missing)} missing", f"{', '.join(shown)}{more}"


def _absent(plan: Plan, studies: Sequence[str]) -> list[str]:
    """Files that no job makes and that are not there: of recordings in folders of the user."""
    config: Config = plan.config
    sources = [s for study in studies for s in config.sources(study).values()]
    driving = [r for s in sources if s in plan.simulated for r in plan.model(s).stimulus_recordings()]
    names = [r for r in dict.fromkeys([*sources, *driving]) if r in config.recordings]
    paths = [
        plan.recording_file(name, file.name)
        for name in names
        if config.recordings[name].source.url is None and config.recordings[name].source.package is None
        for replicate in config.recordings[name].replicates.values()
        for file in replicate.files.values()
    ]
    return [path for path in dict.fromkeys(paths) if not Path(path).exists()]
