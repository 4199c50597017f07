"""check: is the config right, and which jobs does it ask for?"""

import itertools
import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.cli.text import count, printable, some, table, typed
from homeoanalysis.config.loading import Config, load_config
from homeoanalysis.config.yaml import line_of
from homeoanalysis.errors import ConfigError, DataError
from homeoanalysis.fetch import local_path
from homeoanalysis.identity import check_file
from homeoanalysis.plan import Plan

_SHOWN = 5
_WARNINGS = 20
_SECONDS = 20  # for looking into files
_HASHED = 50_000_000  # bytes; the checksum of a larger file is left to the job that reads it


def check(folder: Path, studies: Sequence[str]) -> Iterator[str]:
    """The report, line by line. Raises ConfigError for a fault, DataError if files of the user are missing."""
    config = load_config(folder)
    unknown = [name for name in studies if name not in config.studies]
    wrong = [f"{name!r} is no study; {did_you_mean(name, config.studies)}" for name in unknown]
    if wrong:
        raise ConfigError(*wrong)
    things = (count(len(config.recordings), "recording"), count(len(config.raw_models), "model"))
    counted = f"{_studies(len(config.studies))}, {', '.join(things)}"
    plan = Plan(config)
    chosen = list(dict.fromkeys(studies)) or config.main.studies
    _check_sweeps(plan, chosen, folder)
    try:
        _check_files(plan, chosen, folder)
        found = list(_look_into(plan, chosen, folder))
    except DataError:
        for name in chosen:
            yield from _to_be_written(plan, name)
        raise
    yield f"{folder}: {counted}: no fault found. Size of the models: {config.main.size}."
    for name in chosen:
        yield ""
        yield from _study(plan, name)
    yield from found
    yield ""
    yield f"An output that exists may still be out of date: `{typed('snakemake -n')}` decides that, and says why."
    yield _run(folder, chosen if studies else [])


def _check_sweeps(plan: Plan, studies: Sequence[str], folder: Path) -> None:
    """Raises ConfigError for points of sweeps that the model does not take, which a run would leave out."""
    wrong = []
    for name in studies:
        path = folder / "studies" / f"{name}.yaml"
        for sweep in plan.config.studies[name].sweeps:
            for fault in itertools.islice(plan.sweep_faults(name, sweep), _SHOWN):
                wrong.append(f"{path}: line {line_of(path, f'sweeps.{sweep}')}: sweeps.{sweep}: {fault}")
    if wrong:
        raise ConfigError(*wrong)


def _run(folder: Path, studies: Sequence[str]) -> str:
    """How this config is run: the workflow reads the folder config of its working directory, and no other."""
    named = "".join(f" {name}" for name in studies)
    if folder.resolve() == Path("config").resolve():
        return "Run: " + typed(f"snakemake --cores 2{named}")
    if folder.resolve().name != "config":
        return f"To run it, rename {folder} to config: the workflow reads a folder of that name in its --directory"
    return "Run: " + typed(f"snakemake --cores 2{named} --directory {shlex.quote(str(folder.resolve().parent))}")


def _studies(n: int) -> str:
    return "1 study" if n == 1 else f"{n} studies"


def _study(plan: Plan, name: str) -> Iterator[str]:
    study = plan.config.studies[name]
    yield f"{name}: {printable(study.title, 100)}"
    yield f"  sources: {', '.join(plan.config.sources(name).values())}"
    yield from _to_be_written(plan, name)
    done: dict[str, int] = {}
    missing: dict[str, list[str]] = {}
    for job in plan.jobs(name):
        left = [path for path in job.outputs if not Path(path).is_file()]
        done[job.rule] = done.get(job.rule, 0) + (not left)
        missing.setdefault(job.rule, []).extend(left[:1])
    yield from table([(rule, *_counts(done[rule], missing[rule])) for rule in done])


def _to_be_written(plan: Plan, name: str) -> Iterator[str]:
    for recording in plan.config.studies[name].recordings:
        for key in _unknown(plan.config.raw_recordings[recording]):
            yield f"  still to be written: {key} of recording {recording} is 'unknown'"


def _unknown(raw: Any, at: str = "") -> Iterator[str]:
    """The keys whose value is the word that `add` leaves where it knows nothing."""
    inside = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    for key, value in inside:
        yield from _unknown(value, f"{at}.{key}".removeprefix("."))
    if raw == "unknown":
        yield at


def _counts(n_done: int, missing: Sequence[str]) -> tuple[str, str, str]:
    total = count(n_done + len(missing), "job")
    if not missing:
        return total, "all outputs exist", ""
    shown, more = some(missing, 2)
    return total, f"{n_done} exist, {len(missing)} missing", f"{', '.join(shown)}{more}"


def _recordings(plan: Plan, studies: Sequence[str]) -> list[str]:
    """The recordings of the studies, and those that drive their models."""
    sources = [s for study in studies for s in plan.config.sources(study).values()]
    driving = [r for s in sources if s in plan.simulated for r in plan.model(s).stimulus_recordings()]
    return [r for r in dict.fromkeys([*sources, *driving]) if r in plan.config.recordings]


def _look_into(plan: Plan, studies: Sequence[str], folder: Path) -> Iterator[str]:
    """What is wrong with the recordings whose files are there. Raises DataError for what will stop their ingestion."""
    began, left = time.monotonic(), 0
    told: dict[tuple[str, str, str], list[str]] = {}
    wrong = []
    for name in _recordings(plan, studies):
        for replicate in plan.config.recordings[name].replicates:
            files = {role: Path(path) for role, path in plan.replicate_files(name, replicate).items()}
            if not all(path.is_file() for path in files.values()):
                continue
            if time.monotonic() - began > _SECONDS:
                left += 1
                continue
            from homeoanalysis.ingest import examine  # a second of import, where there is something to look into

            try:
                for finding in examine(plan.config.recordings[name], name=name, replicate=replicate, files=files):
                    told.setdefault((name, finding.rule, finding.text), []).append(replicate)
            except DataError as error:
                wrong.append(f"{_file(folder, name)}: {error}")
    if wrong:
        shown, more = some(wrong, _SHOWN)
        raise DataError("\n".join(shown) + more)
    if told or left:
        yield ""
    lines = [f"warning: {name}: {printable(text, 400)} [{_whose(whose)}]" for (name, _, text), whose in told.items()]
    shown, more = some(lines, _WARNINGS)
    yield from shown
    if more:
        yield f"warning:{more} findings; all of them are stored when the files are ingested"
    if left:
        yield f"{count(left, 'replicate')} not looked into within {_SECONDS} s; ingestion will"


def _file(folder: Path, recording: str) -> str:
    return f"{folder}/recordings/{recording}.yaml"


def _whose(replicates: Sequence[str]) -> str:
    shown, more = some(list(replicates), 3)
    return f"{', '.join(shown)}{more}"


def _check_files(plan: Plan, studies: Sequence[str], folder: Path) -> None:
    """Raises DataError for files that no job makes, of packages and folders of the user, which are absent or wrong."""
    config: Config = plan.config
    found: dict[Path, tuple[str | None, str]] = {}
    for name in _recordings(plan, studies):
        for label, replicate in config.recordings[name].replicates.items():
            for role, file in replicate.all_files().items():
                path = local_path(config.recordings[name].source, file.name)
                where = f"{_file(folder, name)}: replicates.{label}, file {role}"
                found |= {path: (file.sha256, where)} if path is not None else {}
    for source in (s for study in studies for s in config.sources(study).values() if s in plan.simulated):
        model = plan.simulated[source][0]
        for place, name in plan.model(source).files().items():
            found[Path(name)] = (None, f"{folder}/models/{model}.yaml: {place}")
    absent = [f"{path} ({where})" for path, (_, where) in found.items() if not path.exists()]
    if absent:
        shown, more = some(absent, _SHOWN)
        raise DataError(f"files of yours are missing: {', '.join(shown)}{more}; mend source.folder or the files' names")
    wrong = []
    for path, (sha256, where) in found.items():
        try:
            check_file(path, sha256 if path.stat().st_size <= _HASHED else None)
        except DataError as error:
            wrong.append(f"{where}: {error}")
    if wrong:
        shown, more = some(wrong, _SHOWN)
        raise DataError("\n".join(shown) + more)
