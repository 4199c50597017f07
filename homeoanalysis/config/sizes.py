"""A model at each of its sizes: what is put over its YAML, and what is wrong with it there."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from homeoanalysis import catalogue
from homeoanalysis.config.fields import Size, explain
from homeoanalysis.config.merging import merge
from homeoanalysis.config.model import Model, ModelFile


def split(content: Mapping[str, Any]) -> tuple[ModelFile, dict[str, Any]]:
    extra = {k: content[k] for k in ModelFile.model_fields if k in content}
    return ModelFile.model_validate(extra), {k: v for k, v in content.items() if k not in extra}


def sized(content: Mapping[str, Any], size: Size, override: Mapping[str, Any]) -> dict[str, Any]:
    file, own = split(content)
    return merge(merge(own, file.sizes.get(size, {})), override)


def models_of(
    files: dict[str, dict[str, Any]], raw: dict[str, dict[str, Any]], recordings: Collection[str], shown: str, wrong: list[str]
) -> dict[str, Model | None]:
    """Check every model in every size. A fault is told once: not again for another size, nor for models that inherit it."""
    models: dict[str, Model | None] = {}
    faults: dict[str, list[str]] = {}
    for name, content in raw.items():
        models[name], faults[name] = all_sizes(content, recordings)
    for name, lines in faults.items():
        inherited = faults.get(files[name].get("base", ""), [])
        wrong += [f"{shown}/{name}.yaml: {line}" for line in lines if line not in inherited]
    return models


def all_sizes(content: dict[str, Any], recordings: Collection[str]) -> tuple[Model | None, list[str]]:
    """The model in its size `ci`, and the faults of all sizes."""
    try:
        sizes = sizes_of(content)
    except ValidationError as error:
        return None, explain(error, ModelFile)
    models, faults = [], []
    for size in sizes:
        model, lines = validated(sized(content, size, {}))
        models.append(model)
        faults += [line if size == "ci" else f"(size {size}) {line}" for line in lines if line not in faults]
    if models[0] is not None:
        faults += _model_faults(models[0], recordings)
    return models[0] if not faults else None, faults


def sizes_of(content: dict[str, Any]) -> list[Size]:
    return ["ci", *(size for size in split(content)[0].sizes if size != "ci")]


def validated(content: Mapping[str, Any]) -> tuple[Model | None, list[str]]:
    """The model that a YAML is, or one line for each violation."""
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
