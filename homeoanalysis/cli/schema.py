"""schema: JSON schema of the YAML files, generated from the models that also check them."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from homeoanalysis.config.loading import Main
from homeoanalysis.config.model import Model, ModelFile
from homeoanalysis.config.recording import Recording
from homeoanalysis.config.study import Study
from homeoanalysis.units import written


def schema(kind: str) -> Iterator[str]:
    """The schema of a study, recording, model or of config.yaml, as lines of JSON."""
    files: dict[str, type[BaseModel]] = {"study": Study, "recording": Recording, "config": Main}
    content = _model() if kind == "model" else files[kind].model_json_schema()
    content["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    yield from json.dumps(_with_units(content), indent=2, ensure_ascii=False).splitlines()


def _model() -> dict[str, Any]:
    """A model's file is a model, or another model (`base`) with changes to any part of it, and it may hold sizes."""
    content, extra = Model.model_json_schema(), ModelFile.model_json_schema()
    content["properties"] |= extra["properties"]
    needed = content.pop("required")
    return _partial(content) | {"anyOf": [{"required": needed}, {"required": ["base"]}]}


def _partial(node: Any) -> Any:
    """The same schema for a part of the object: no key is required."""
    if isinstance(node, list):
        return [_partial(n) for n in node]
    if not isinstance(node, dict):
        return node
    return {key: _partial(value) for key, value in node.items() if not (key == "required" and isinstance(value, list))}


def _with_units(node: Any) -> Any:
    """Defaults are SI numbers in the models; in the YAML they are quantities."""
    if isinstance(node, list):
        return [_with_units(n) for n in node]
    if not isinstance(node, dict):
        return node
    node = {key: _with_units(value) for key, value in node.items()}
    if "unit" in node and isinstance(node.get("default"), float | int):
        node["default"] = written(node["default"], node["unit"])
    return node
