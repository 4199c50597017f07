"""From a config folder to one checked `Config`, or to the list of all that is wrong in it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from homeoanalysis import catalogue
from homeoanalysis.config import claim_table, robustness, yaml
from homeoanalysis.config.claim import Changes
from homeoanalysis.config.fields import Name, Size, Strict, check_name, explain
from homeoanalysis.config.merging import merge
from homeoanalysis.config.recording import Recording
from homeoanalysis.config.replicate_table import located, with_table
from homeoanalysis.config.sizes import models_of, sized, validated
from homeoanalysis.config.study import Study
from homeoanalysis.config.study_faults import study_faults, sweep_faults, variant_clashes
from homeoanalysis.config.sweep_table import with_tables
from homeoanalysis.errors import ConfigError

_Schema = TypeVar("_Schema", bound=BaseModel)
_Content = TypeVar("_Content")


class Main(Strict):
    """`config/config.yaml`, and what `--config` may override."""

    seed: int = Field(ge=0, lt=2**63, description="every random stream of every job follows from it")
    studies: list[Name] = Field(min_length=1, description="the studies that `snakemake` without a target makes")
    size: Size = Field(default="ci", description="size of the models: ci, nightly or full")


class Config(Strict):
    """The whole config, checked. The `raw_` dicts are as written; jobs get slices of them and validate them again."""

    main: Main
    studies: dict[str, Study]
    recordings: dict[str, Recording]
    raw_studies: dict[str, dict[str, Any]]
    raw_recordings: dict[str, dict[str, Any]]
    raw_models: dict[str, dict[str, Any]]  # with `base` resolved
    streams: dict[str, str]  # model: the model that names its random streams
    claims: dict[str, str]  # claim: what is claimed, in config/claims.yaml
    robustness: dict[str, dict[str, str]]  # study: point of its robustness: the study that is run there; none at ci

    def tested(self) -> dict[str, str]:
        """Every claim of the table -> the study that tests it; empty where there is none yet."""
        points = {name for studies in self.robustness.values() for name in studies.values()}
        written = {name: study for name, study in self.studies.items() if name not in points}
        studies = {study.claim.name: name for name, study in written.items() if study.claim is not None}
        return {claim: studies.get(claim, "") for claim in self.claims}

    def raw_model(self, name: str, variant: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A model as written, in the size of this config, with a variant's overrides. Raises ConfigError for an unknown name."""
        if name not in self.raw_models:
            raise ConfigError(f"{name!r} is no model; {catalogue.did_you_mean(name, self.raw_models)}")
        return sized(self.raw_models[name], self.main.size, variant or {})

    def is_full(self, name: str, variant: Mapping[str, Any] | None = None) -> bool:
        """Whether a model has a size `full`, and is the same in the size of this config."""
        raw = self.raw_models[name]
        return "full" in raw.get("sizes", {}) and self.raw_model(name, variant) == sized(raw, "full", variant or {})

    def sources(self, study: str) -> dict[str, str]:
        """The sources of a study: the name that its YAML uses -> the name that results use (models carry their size)."""
        recordings = self.studies[study].recordings
        return {s: s if s in recordings else f"{s}.{self.main.size}" for s in self.studies[study].sources()}

    def variants(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Every simulated source of all studies -> its model and the overrides."""
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for name, study in self.studies.items():
            variants = study.all_variants()
            for short, source in self.sources(name).items():
                if short not in study.recordings:
                    model, _, variant = short.partition(".")
                    found[source] = (model, variants[model][variant] if variant else {})
        return found


def load_config(folder: Path | str = "config", overrides: Mapping[str, Any] | None = None) -> Config:
    """Read and check a config folder.

    overrides: keys put over those of config.yaml (from --config or --configfile).
    Raises ConfigError with one line for each violation in any file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder; start in the project's folder, or name the folder of the config")
    shown = folder.name or str(folder)
    wrong: list[str] = []
    top = _main(folder, shown, overrides or {}, wrong)
    raw_studies, studies = _folder(folder, "studies", Study, wrong)
    raw_recordings, recordings = _folder(folder, "recordings", Recording, wrong)
    files = _read_folder(folder, "models", wrong)
    claims = _told(claim_table.read, folder, shown, wrong) or {}
    shared = _told(claim_table.read_shared, folder, shown, wrong) or Changes()
    places = {kind: _places(folder, kind) for kind in ("studies", "recordings", "models")}
    present = {kind: set(found) for kind, found in places.items()}
    where = {name: _shown(folder, path) for name, path in places["studies"].items()}
    raw_models, streams = _resolve(files, present["models"], f"{shown}/models", wrong)
    models = models_of(files, raw_models, present["recordings"], f"{shown}/models", wrong)
    wrong += _name_faults(shown, overrides or {}, top, present, where)
    for name, content in raw_studies.items():
        wrong += study_faults(where[name], content, studies.get(name), present, recordings, raw_models, models)
        wrong += sweep_faults(places["studies"][name], where[name], content, studies.get(name), raw_models, models)
    wrong += variant_clashes(where, studies)
    wrong += claim_table.faults(shown, claims, where, studies)
    wrong += claim_table.robustness_faults(shown, shared, where, raw_studies, studies, raw_models)
    wrong = [_with_line(fault, {where[name]: path for name, path in places["studies"].items()}) for fault in wrong]
    if wrong or top is None:
        raise ConfigError(*dict.fromkeys(wrong))
    swept = {} if top.size == "ci" else _swept(top.size, shared, where, raw_studies, studies, raw_models, streams)
    return Config(
        main=top,
        studies=studies,
        recordings=recordings,
        raw_studies=raw_studies,
        raw_recordings=raw_recordings,
        raw_models=raw_models,
        streams=streams,
        claims=claims,
        robustness=swept,
    )


def _main(folder: Path, shown: str, overrides: Mapping[str, Any], wrong: list[str]) -> Main | None:
    try:
        content = yaml.read(folder / "config.yaml", f"{shown}/config.yaml")
    except ConfigError as error:
        wrong += error.violations
        return None
    return _validate(Main, merge(content, overrides), _main_file(shown, overrides), wrong)


def _told(read: Callable[[Path, str], _Content], folder: Path, shown: str, wrong: list[str]) -> _Content | None:
    """What a reader of the folder finds; None where it fails, which `wrong` then tells."""
    try:
        return read(folder, shown)
    except ConfigError as error:
        wrong += error.violations
        return None


def _main_file(shown: str, overrides: Mapping[str, Any]) -> str:
    return f"{shown}/config.yaml{' with --config' if overrides else ''}"


def _validate(schema: type[_Schema], content: dict[str, Any], shown: str, wrong: list[str]) -> _Schema | None:
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        wrong += [f"{shown}: {line}" for line in explain(error, schema)]
        return None


def _yaml_files(folder: Path, kind: str) -> list[Path]:
    """Those of a kind; the studies of claims have a folder of their own."""
    folders = [folder / kind, *([folder / kind / claim_table.FOLDER] if kind == "studies" else [])]
    return [p for f in folders for p in sorted(f.glob("*")) if p.suffix.lower() in (".yaml", ".yml")]


def _places(folder: Path, kind: str) -> dict[str, Path]:
    """Name -> file; of two of one name, which is a fault, the first."""
    return {path.stem: path for path in reversed(_yaml_files(folder, kind))}


def _shown(folder: Path, path: Path) -> str:
    """A file of the config as messages name it."""
    return (Path(folder.name) / path.relative_to(folder)).as_posix()


def _read_folder(folder: Path, kind: str, wrong: list[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in _yaml_files(folder, kind):
        shown = _shown(folder, path)
        try:
            check_name(path.stem)
            if path.suffix != ".yaml":
                raise ValueError(f"has the ending {path.suffix!r}; rename it to '.yaml'")
            twin = next((n for n in found if n.lower() == path.stem.lower()), None)
            if twin == path.stem:
                raise ValueError("is that of a study in studies/ too; results are kept by name, rename one")
            if twin:
                raise ValueError(f"differs from {twin}.yaml only in case; some file systems cannot hold both, rename one")
        except ValueError as error:
            wrong.append(f"{shown}: the file's name {error}")
            continue
        try:
            content = yaml.read(path, shown)
            put_in = {"recordings": with_table, "studies": with_tables}.get(kind)
            found[path.stem] = put_in(content, path, shown) if put_in else content
        except ConfigError as error:
            wrong += error.violations
    return found


def _folder(
    folder: Path, kind: str, schema: type[_Schema], wrong: list[str]
) -> tuple[dict[str, dict[str, Any]], dict[str, _Schema]]:
    raw = _read_folder(folder, kind, wrong)
    places = _places(folder, kind)
    checked = {}
    for name, content in raw.items():
        path, faults = places[name], list[str]()
        thing = _validate(schema, content, _shown(folder, path), faults)
        if thing is not None:
            checked[name] = thing
        elif kind == "recordings":
            faults = located(faults, yaml.read(path, path.name), path)
        wrong += faults
    return raw, checked


def _resolve(
    files: dict[str, dict[str, Any]], present: Collection[str], shown: str, wrong: list[str]
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Put every model over its `base`. Returns the raw models, and which model names the random streams of each.

    present: the names of all files of models, of those too that could not be read (their fault is known already).
    """
    raw: dict[str, dict[str, Any]] = {}
    streams: dict[str, str] = {}
    for name in files:
        chain = [name]
        while (base := files[chain[-1]].get("base")) is not None:
            where = f"{shown}/{chain[-1]}.yaml"
            if not isinstance(base, str):
                wrong.append(f"{where}: base is {base!r}; write the name of one model")
                break
            if base not in files:
                if base not in present:
                    wrong.append(f"{where}: base is {base!r}, which is no model; {catalogue.did_you_mean(base, present)}")
                break
            if base in chain:
                wrong.append(f"{shown}/{name}.yaml: base leads in a circle: {' -> '.join([*chain, base])}; remove one")
                break
            chain.append(base)
        else:
            content: dict[str, Any] = {}
            for link in reversed(chain):
                content = merge(content, files[link])
            content.pop("base", None)
            raw[name], streams[name] = content, chain[-1]
    return raw, streams


def _name_faults(
    shown: str,
    overrides: Mapping[str, Any],
    top: Main | None,
    present: Mapping[str, Collection[str]],
    where: Mapping[str, str],
) -> Iterator[str]:
    """Names that are absent, or taken."""
    main_file = _main_file(shown, overrides)
    studies, recordings, models = present["studies"], present["recordings"], present["models"]
    for name in dict.fromkeys(top.studies if top else []):
        if name not in studies:
            yield f"{main_file}: studies names {name!r}, which is absent; {catalogue.did_you_mean(name, studies)}"
        if top and top.studies.count(name) > 1:
            yield f"{main_file}: studies names {name!r} twice; once is enough"
    for name in sorted(n for n in models if n.lower() in {r.lower() for r in recordings}):
        yield f"{shown}/models/{name}.yaml: there is a recording of the same name; sources need different names, rename one"
    for name in sorted(n for n in studies if n.lower() in _RESERVED):
        yield f"{where[name]}: {name!r} is a rule or a folder of results of the workflow already; rename the study"


# Rules, and folders beside those of the studies; some file systems do not tell capital letters.
_RESERVED = {
    *("all", "fetch", "ingest", "simulate", "measure", "compare", "sweep", "sweep_part", "draw", "report"),
    *("reproduce", "overview", "judge", "claims_overview"),
    *("activity", "logs", "figures", "claims"),
}


def _swept(
    size: Size,
    shared: Changes,
    where: Mapping[str, str],
    raw_studies: dict[str, dict[str, Any]],
    studies: dict[str, Study],
    raw_models: dict[str, dict[str, Any]],
    streams: dict[str, str],
) -> dict[str, dict[str, str]]:
    """Every point of the sweeps of all claims as a study with models of its own, beside the written ones. Raises ConfigError.

    size: of the models, the one in which they are looked at.
    """
    found: dict[str, dict[str, str]] = {}
    wrong: list[str] = []
    for name, study in list(studies.items()):
        asked = study.claim.robustness if study.claim is not None else None
        for point, change in robustness.points(asked, shared).items() if asked is not None else ():
            one = robustness.varied(name, raw_studies[name], raw_models, point, change)
            shown = f"{where[name]}: claim.robustness, {point}"
            made = _validate(Study, one.study, shown, wrong)
            if made is None:
                continue
            for model, content in one.models.items():
                variants = {f"{model}.{variant}": override for variant, override in made.all_variants().get(model, {}).items()}
                for source, override in ({model: dict[str, Any]()} | variants).items():
                    wrong += [f"{shown}: {source}: {line}" for line in validated(sized(content, size, override))[1]]
                raw_models[model], streams[model] = content, streams[one.like[model]]
            raw_studies[one.name], studies[one.name] = one.study, made
            found.setdefault(name, {})[point] = one.name
    if wrong:
        raise ConfigError(*dict.fromkeys(wrong))
    return found


def _with_line(fault: str, files: Mapping[str, Path]) -> str:
    """A fault of a sweep with the line of the study's YAML, since a sweep may be long. files: as shown -> path."""
    shown, _, said = fault.partition(": ")
    if shown not in files or not said.startswith("sweeps."):
        return fault
    return f"{shown}: line {yaml.line_of(files[shown], said.split()[0])}: {said}"
