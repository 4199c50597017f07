"""From a config folder to one checked `Config`, or to the list of all that is wrong in it."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from homeoanalysis import catalogue
from homeoanalysis.config import claim_table, robustness, yaml
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.config.design import examined
from homeoanalysis.config.fields import Name, Size, Strict, check_name, explain, number_of
from homeoanalysis.config.model import PRESENTATIONS, Model, ModelFile
from homeoanalysis.config.recording import Recording
from homeoanalysis.config.replicate_table import located, with_table
from homeoanalysis.config.study import Study
from homeoanalysis.config.sweep_table import located_fault, with_tables
from homeoanalysis.errors import ConfigError

_Schema = TypeVar("_Schema", bound=BaseModel)


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
        return _sized(self.raw_models[name], self.main.size, variant or {})

    def is_full(self, name: str, variant: Mapping[str, Any] | None = None) -> bool:
        """Whether a model has a size `full`, and is the same in the size of this config."""
        raw = self.raw_models[name]
        return "full" in raw.get("sizes", {}) and self.raw_model(name, variant) == _sized(raw, "full", variant or {})

    def sources(self, study: str) -> dict[str, str]:
        """The sources of a study: the name that its YAML uses -> the name that results use (models carry their size)."""
        recordings = self.studies[study].recordings
        return {s: s if s in recordings else f"{s}.{self.main.size}" for s in self.studies[study].sources()}

    def variants(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Every simulated source of all studies -> its model and the overrides."""
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for name, study in self.studies.items():
            for short, source in self.sources(name).items():
                if short not in study.recordings:
                    model, _, variant = short.partition(".")
                    found[source] = (model, study.all_variants()[model][variant] if variant else {})
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
    claims = _claims(folder, shown, wrong)
    places = {kind: _places(folder, kind) for kind in ("studies", "recordings", "models")}
    present = {kind: set(found) for kind, found in places.items()}
    where = {name: _shown(folder, path) for name, path in places["studies"].items()}
    raw_models, streams = _resolve(files, present["models"], f"{shown}/models", wrong)
    models = _models(files, raw_models, present["recordings"], f"{shown}/models", wrong)
    wrong += _name_faults(shown, overrides or {}, top, present, where)
    for name, content in raw_studies.items():
        wrong += _study_faults(where[name], content, studies.get(name), present, recordings, raw_models, models)
        wrong += _sweep_faults(places["studies"][name], where[name], content, studies.get(name), raw_models, models)
    wrong += _variant_clashes(where, studies)
    wrong += claim_table.faults(shown, claims, where, studies)
    wrong += claim_table.robustness_faults(where, raw_studies, studies, raw_models)
    wrong = [_with_line(fault, {where[name]: path for name, path in places["studies"].items()}) for fault in wrong]
    if wrong or top is None:
        raise ConfigError(*dict.fromkeys(wrong))
    swept = {} if top.size == "ci" else _swept(where, raw_studies, studies, raw_models, streams, recordings)
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
    return _validate(Main, yaml.merge(content, overrides), _main_file(shown, overrides), wrong)


def _claims(folder: Path, shown: str, wrong: list[str]) -> dict[str, str]:
    try:
        return claim_table.read(folder, shown)
    except ConfigError as error:
        wrong += error.violations
        return {}


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
            content = yaml.read(path, shown)
            put_in = {"recordings": with_table, "studies": with_tables}.get(kind)
            found[path.stem] = put_in(content, path, shown) if put_in else content
        except ValueError as error:
            wrong.append(f"{shown}: the file's name {error}")
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
                content = yaml.merge(content, files[link])
            content.pop("base", None)
            raw[name], streams[name] = content, chain[-1]
    return raw, streams


def _split(content: Mapping[str, Any]) -> tuple[ModelFile, dict[str, Any]]:
    extra = {k: content[k] for k in ModelFile.model_fields if k in content}
    return ModelFile.model_validate(extra), {k: v for k, v in content.items() if k not in extra}


def _sized(content: Mapping[str, Any], size: Size, override: Mapping[str, Any]) -> dict[str, Any]:
    file, own = _split(content)
    return yaml.merge(yaml.merge(own, file.sizes.get(size, {})), override)


def _models(
    files: dict[str, dict[str, Any]], raw: dict[str, dict[str, Any]], recordings: Collection[str], shown: str, wrong: list[str]
) -> dict[str, Model | None]:
    """Check every model in every size. A fault is told once: not again for another size, nor for models that inherit it."""
    models: dict[str, Model | None] = {}
    faults: dict[str, list[str]] = {}
    for name, content in raw.items():
        models[name], faults[name] = _all_sizes(content, recordings)
    for name, lines in faults.items():
        inherited = faults.get(files[name].get("base", ""), [])
        wrong += [f"{shown}/{name}.yaml: {line}" for line in lines if line not in inherited]
    return models


def _all_sizes(content: dict[str, Any], recordings: Collection[str]) -> tuple[Model | None, list[str]]:
    """The model in its size `ci`, and the faults of all sizes."""
    try:
        sizes = _sizes(content)
    except ValidationError as error:
        return None, explain(error, ModelFile)
    models, faults = [], []
    for size in sizes:
        model, lines = _model(_sized(content, size, {}))
        models.append(model)
        faults += [line if size == "ci" else f"(size {size}) {line}" for line in lines if line not in faults]
    if models[0] is not None:
        faults += _model_faults(models[0], recordings)
    return models[0] if not faults else None, faults


def _sizes(content: dict[str, Any]) -> list[Size]:
    return ["ci", *(size for size in _split(content)[0].sizes if size != "ci")]


def _model(content: dict[str, Any]) -> tuple[Model | None, list[str]]:
    try:
        return Model.model_validate(content), []
    except ValidationError as error:
        return None, explain(error, Model)


def _model_faults(model: Model, recordings: Collection[str]) -> Iterator[str]:
    """What a model says of recordings and metrics."""
    for recording in model.stimulus_recordings():
        if recording not in recordings:
            known = catalogue.did_you_mean(recording, recordings)
            yield f"a protocol presents the stimulus of {recording!r}, which is no recording; {known}"
    metrics = catalogue.names("metrics")
    for metric in model.fitted:
        if metric not in metrics:
            yield f"fitted names {metric!r}, which is no metric; {catalogue.did_you_mean(metric, metrics)}"


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
    where: Mapping[str, str],
    raw_studies: dict[str, dict[str, Any]],
    studies: dict[str, Study],
    raw_models: dict[str, dict[str, Any]],
    streams: dict[str, str],
    recordings: Collection[str],
) -> dict[str, dict[str, str]]:
    """Every point of the sweeps of all claims as a study with models of its own, beside the written ones. Raises ConfigError."""
    found: dict[str, dict[str, str]] = {}
    wrong: list[str] = []
    for name, study in list(studies.items()):
        asked = study.claim.robustness if study.claim is not None else None
        for point, change in robustness.points(asked).items() if asked is not None else ():
            one = robustness.varied(name, raw_studies[name], raw_models, point, change)
            shown = f"{where[name]}: claim.robustness, {point}"
            made = _validate(Study, one.study, shown, wrong)
            for model, content in one.models.items():
                wrong += [f"{shown}: {model}: {line}" for line in _all_sizes(content, recordings)[1]]
                raw_models[model], streams[model] = content, streams[one.like[model]]
            if made is not None:
                raw_studies[one.name], studies[one.name] = one.study, made
                found.setdefault(name, {})[point] = one.name
    if wrong:
        raise ConfigError(*dict.fromkeys(wrong))
    return found


def _variant_clashes(where: Mapping[str, str], studies: Mapping[str, Study]) -> Iterator[str]:
    varied: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, study in studies.items():
        for key, override in ((f"{m}.{v}", o) for m, variants in study.all_variants().items() for v, o in variants.items()):
            other, known = varied.setdefault(key, (name, override))
            if known != override:
                yield (
                    f"{where[name]}: variants.{key} differs from the one of the same name in study {other}; "
                    "activities are shared, rename one"
                )


def _study_faults(
    where: str,
    content: dict[str, Any],
    study: Study | None,
    present: Mapping[str, Collection[str]],
    recordings: Mapping[str, Recording],
    raw: Mapping[str, dict[str, Any]],
    models: Mapping[str, Model | None],
) -> Iterator[str]:
    """What a study says of other files; `study` is None where it has faults of its own."""
    for kind in ("recordings", "models"):
        listed = content.get(kind)
        for name in listed if isinstance(listed, list) else []:
            if isinstance(name, str) and name not in present[kind]:
                yield f"{where}: {kind} names {name!r}, which is absent; {catalogue.did_you_mean(name, present[kind])}"
    if study is None:
        return
    for model, variants in study.all_variants().items():
        for variant, override in variants.items() if models.get(model) else ():
            lines = [line for size in _sizes(raw[model]) for line in _model(_sized(raw[model], size, override))[1]]
            yield from (f"{where}: variants.{model}.{variant}: {line}" for line in dict.fromkeys(lines))
    if all(r in recordings for r in study.recordings) and all(models.get(m) for m in study.models):
        for name, contrast in study.contrasts.items():
            yield from (f"{where}: contrasts.{name}.{fault}" for fault in _contrast_faults(contrast, study, recordings, models))
            yield from (f"{where}: contrasts.{name} {fault}" for fault in _overlaps(contrast, study, recordings, models))
        yield from (f"{where}: {fault}" for fault in _block_faults(study, recordings, models))


def _sweep_faults(
    path: Path,
    where: str,
    content: Mapping[str, Any],
    study: Study | None,
    raw: Mapping[str, dict[str, Any]],
    models: Mapping[str, Model | None],
) -> Iterator[str]:
    """Parameters of sweeps that the model does not have, or values that it does not take, in any size."""
    for name, swept in study.sweeps.items() if study else ():
        model, _, variant = swept.model.partition(".")
        if study is None or models.get(model) is None:
            continue
        override = study.all_variants()[model][variant] if variant else {}
        faults = [f for size in _sizes(raw[model]) for f in examined(swept, _sized(raw[model], size, override))[1]]
        yield from (f"{located_fault(content, path, where, name, f)} {f.text}" for f in dict.fromkeys(faults))


def _with_line(fault: str, files: Mapping[str, Path]) -> str:
    """A fault of a sweep with the line of the study's YAML, since a sweep may be long. files: as shown -> path."""
    shown, _, said = fault.partition(": ")
    if shown not in files or not said.startswith("sweeps."):
        return fault
    return f"{shown}: line {yaml.line_of(files[shown], said.split()[0])}: {said}"


def _contrast_faults(
    contrast: Contrast, study: Study, recordings: Mapping[str, Recording], models: Mapping[str, Model | None]
) -> Iterator[str]:
    """A factor level or epoch that no source has is a typing error, not an empty comparison."""
    levels: dict[str, set[object]] = {}
    for factor, level in (pair for factors in _factors(study, recordings, models) for pair in factors.items()):
        levels.setdefault(factor, set()).add(level)
    asked = [("where", factor, level) for factor, level in contrast.where.items()]
    if contrast.between is not None:
        asked += [("between", contrast.between.factor, level) for level in contrast.between.levels]
    for key, factor, level in asked:
        if factor not in levels:
            holder = "recording" if study.recordings else "session of a model"
            yield f"{key} names the factor {factor!r}, which no {holder} has; {catalogue.did_you_mean(factor, levels)}"
        elif level not in levels[factor] and not contrast.without_data:
            known = ", ".join(map(repr, sorted(levels[factor], key=lambda x: (isinstance(x, str), x))))
            yield f"{key} asks for {factor} = {level!r}, which no replicate has; known: {known}"
    if contrast.trend is not None:
        yield from _trend_faults(contrast, contrast.trend, study, recordings, levels)
    epochs = _epochs(study, recordings, models)
    for key in ("epoch", "reference"):
        label = getattr(contrast, key)
        if label is not None and label not in epochs:
            yield f"{key} is {label!r}, which no source of the study has; {catalogue.did_you_mean(label, epochs)}"
        elif label is not None and study.targets and any("epoch" in catalogue.load("metrics", m).dims for m in _names(contrast)):
            of_targets = _epochs(study, recordings, models, list(study.targets))
            if label not in of_targets:
                yield f"{key} is {label!r}, which no target has; {catalogue.did_you_mean(label, of_targets)}"


def _factors(
    study: Study, recordings: Mapping[str, Recording], models: Mapping[str, Model | None]
) -> Iterator[Mapping[str, object]]:
    """Those of every replicate of the recordings, or, in a study of models alone, of the sessions of these."""
    for name in study.recordings:
        yield from (replicate.factors for replicate in recordings[name].replicates.values())
    if not study.recordings:
        for model in filter(None, map(models.get, study.models)):
            yield from (part.factors for part in model.sessions.values())


def _trend_faults(
    contrast: Contrast, factor: str, study: Study, recordings: Mapping[str, Recording], levels: Collection[str]
) -> Iterator[str]:
    """A slope needs two numbers; looked for in the replicates that the contrast selects."""
    if factor not in levels:
        yield f"trend names the factor {factor!r}, which no recording has; {catalogue.did_you_mean(factor, levels)}"
        return
    asked = {
        (name, r): replicate.factors[factor]
        for name in study.recordings
        for r, replicate in recordings[name].replicates.items()
        if factor in replicate.factors and contrast.where.items() <= replicate.factors.items()
    }
    for (name, r), level in asked.items():
        if number_of(level) is None:
            yield (
                f"trend is over {factor}, of which {level!r} ({name}, replicate {r}) is no number; "
                "write numbers, or leave such replicates out with where"
            )
            return
    if len({number_of(level) for level in asked.values()}) == 1:
        yield f"trend is over {factor}, which is {next(iter(asked.values()))} everywhere; a slope needs two levels"


def _overlaps(
    contrast: Contrast, study: Study, recordings: Mapping[str, Recording], models: Mapping[str, Model | None]
) -> Iterator[str]:
    """An epoch and its reference that share time, in the first replicate or model where the YAML says so."""
    places = [
        (f"{name}, replicate {r}", recordings[name].spans(r)) for name in study.recordings for r in recordings[name].replicates
    ]
    places += [(name, model.epochs) for name in study.models if (model := models[name]) is not None]
    for place, spans in places:
        if contrast.epoch in spans and contrast.reference in spans:
            (start, stop), (from_, to) = spans[contrast.epoch], spans[contrast.reference]
            shared = min(stop, to) - max(start, from_)
            if shared > 0:
                yield (
                    f"compares the epochs {contrast.epoch}, [{start:g} s, {stop:g} s], and {contrast.reference}, "
                    f"[{from_:g} s, {to:g} s], which share {shared:g} s in {place}, so that a part is compared with itself; "
                    "name epochs that do not overlap"
                )
                return


def _block_faults(study: Study, recordings: Mapping[str, Recording], models: Mapping[str, Model | None]) -> Iterator[str]:
    """An epoch that does not hold two blocks cannot be dealt to two halves, and its source not be compared at all."""
    block = study.resampling.block
    for source in (
        dict.fromkeys(s for target, listed in study.targets.items() for s in (target, *listed)) if study.contrasts else ()
    ):
        if source in recordings:
            of = recordings[source]
            spans, durations = _shortest(of), [of.observed(r) for r in of.replicates]
        else:
            model = models[source.partition(".")[0]]
            spans, durations = ({}, []) if model is None else (model.epochs, [model.duration])
            if model is not None and model.sessions:
                durations = [session.span[1] - session.span[0] for session in model.sessions.values()]
        lengths = {f"epoch {label}": stop - start for label, (start, stop) in spans.items()}
        known = [d for d in durations if d is not None]
        whole = source not in recordings or not recordings[source].epochs
        for what, length in (lengths or ({"the recording": min(known)} if known and whole else {})).items():
            if length < 2 * block * (1 - 1e-9):
                yield (
                    f"resampling.block is {block:g} s, but {what} of {source} has only {length:g} s, less than two blocks; "
                    "make block shorter"
                )


def _shortest(recording: Recording) -> dict[str, tuple[float, float]]:
    """The epochs that are known before a file is read, each in the replicate where it is shortest."""
    found: dict[str, tuple[float, float]] = {}
    for replicate in recording.replicates:
        for label, span in recording.spans(replicate).items():
            found[label] = min(found.get(label, span), span, key=lambda s: s[1] - s[0])
    return found


def _names(contrast: Contrast) -> list[str]:
    return [label.partition(".")[0] for label in contrast.metrics]


def _epochs(
    study: Study, recordings: Mapping[str, Recording], models: Mapping[str, Model | None], sources: Collection[str] = ()
) -> set[str]:
    """The labels of the epochs of the sources, of all without any; a source without epochs has one, "whole"."""
    only = {s.partition(".")[0] for s in sources or study.sources()}
    labels = {label for name in study.recordings if name in only for label in recordings[name].epochs or ("whole",)}
    for name in (m for m in study.models if m in only):
        model = models[name]
        if model is not None:
            labels |= set(model.epochs or (PRESENTATIONS if model.duration is None else ("whole",)))
    changed = [override.get("epochs") for variants in study.all_variants().values() for override in variants.values()]
    return labels | {label for epochs in changed if isinstance(epochs, dict) for label in epochs}
