"""export --crate: all of a study in one folder that says what it is."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.config import claim_table, yaml
from homeoanalysis.config.loading import Config, load_config
from homeoanalysis.errors import ConfigError, DataError
from homeoanalysis.export.crate import Given, Held, write_crate
from homeoanalysis.identity import file_hash
from homeoanalysis.plan import ACTIVITY, Plan
from homeoanalysis.provenance import history_of

_WHAT = {
    "ingest": "a recording, activity/1",
    "simulate": "simulations, activity/1",
    "measure": "a metric of one source, measure/1",
    "compare": "models and data, comparison/2",
    "draw": "figure",
    "sweep_part": "some points of a sweep, sweep/1",
    "sweep": "a model over ranges of its parameters: sweep/1, and its figure",
    "reproduce": "published numbers beside ours",
    "judge": "what a claim is judged by, and its figure",
    "report": "everything of the study on one page",
}


def crate(folder: Path, study: str, out: Path) -> Iterator[str]:
    """Write the crate of a study that has run. Raises ConfigError for an unknown study, DataError where a result is missing."""
    config = load_config(folder)
    if study not in config.studies:
        raise ConfigError(f"there is no study {study!r}; {did_you_mean(study, config.studies)}")
    plan, root = Plan(config), folder.parent
    jobs = [job for job in plan.jobs(study) if job.rule != "fetch"]
    outputs = [Held(root / path, path, _WHAT[job.rule]) for job in jobs for path in job.outputs]
    absent = [held.place for held in outputs if not held.path.is_file()]
    if absent:
        raise DataError(f"{absent[0]} does not exist; make the study first: snakemake --cores 2 {study}")
    histories = {path: history_of(root / path) for path in (job.outputs[0] for job in jobs) if path.endswith(".nc")}
    settings = [Held(path, path.relative_to(root).as_posix(), "config") for path in dict.fromkeys(_files(config, folder, study))]
    lists = list(_lists(plan, study, root))
    write_crate(
        out,
        title=config.studies[study].title,
        description=config.studies[study].question,
        licence=_licences(config, study),
        config=[*settings, *(one for one in lists if isinstance(one, Held))],
        inputs=[*_given(config, histories), *(one for one in lists if isinstance(one, Given))],
        outputs=outputs,
        versions={name: v for entries in histories.values() for entry in entries for name, v in entry["versions"].items()},
    )
    yield f"{out} is written: {len(outputs)} results, {len(settings)} files of the config"


def _recordings(config: Config, study: str) -> list[str]:
    """The recordings of a study, and those that drive its models."""
    plan, sources = Plan(config), config.sources(study).values()
    driving = [name for source in sources if source in plan.simulated for name in plan.model(source).stimulus_recordings()]
    return list(dict.fromkeys([*(s for s in sources if s in config.recordings), *driving]))


def _licences(config: Config, study: str) -> str:
    """The results are the user's; what the recordings allow stands in their YAML."""
    own = [f"{name}: {config.recordings[name].licence}" for name in _recordings(config, study)]
    return f"Of the recordings: {'; '.join(own)}" if own else "Made by models alone; nobody else's licence is known"


def _files(config: Config, folder: Path, study: str) -> Iterator[Path]:
    """The files of the config that the study is made from: of recordings and sweeps also tables, of a model also its bases."""
    yield folder / "config.yaml"
    own, is_claim = folder / "studies", config.studies[study].claim is not None
    if is_claim:
        own = own / claim_table.FOLDER
        yield from (path for path in (folder / "claims.yaml", folder / "robustness.yaml") if path.is_file())
    yield own / f"{study}.yaml"
    designs = [sweep.design for sweep in config.studies[study].sweeps.values()]
    yield from (own / design["table"] for design in designs if isinstance(design, dict))
    for name in _recordings(config, study):
        path = folder / "recordings" / f"{name}.yaml"
        table = yaml.read(path, str(path)).get("replicates")
        yield from (path, folder / "recordings" / table) if isinstance(table, str) else (path,)
    seen: list[str] = []
    todo = list(config.studies[study].models)
    while todo:
        if (name := todo.pop(0)) not in seen:
            seen.append(name)
            path = folder / "models" / f"{name}.yaml"
            todo += [base for base in (yaml.read(path, str(path)).get("base"),) if base]
            yield path


def _lists(plan: Plan, study: str, root: Path) -> Iterator[Held | Given]:
    """The lists of synapses of the study's models; those outside the project are named, and stay where they are."""
    sources = [source for source in plan.config.sources(study).values() if source in plan.simulated]
    for path in dict.fromkeys(root / file for source in sources for file in plan.model_files(source)):
        if path.resolve().is_relative_to(root.resolve()):
            yield Held(path, path.resolve().relative_to(root.resolve()).as_posix(), "a list of synapses")
        else:
            yield Given(path.name, file_hash(path), None)


def _given(config: Config, histories: Mapping[str, list[dict[str, Any]]]) -> Iterator[Given]:
    """The recorded files, with the address of those that have one."""
    for name, recording in config.recordings.items():
        files = {file.name: file for replicate in recording.replicates.values() for file in replicate.all_files().values()}
        for path, entries in histories.items():
            if not path.startswith(f"{ACTIVITY}/{name}/"):
                continue
            for file, sha256 in (pair for entry in entries if entry["step"] == "ingest" for pair in entry["inputs"].items()):
                where = recording.source.url
                yield Given(f"{name}/{file}", sha256, f"{where}{quote(files[file].remote or file)}" if where else None)
