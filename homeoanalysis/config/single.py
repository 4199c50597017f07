"""One model by itself, for a notebook: a dict, a YAML text, or the path of a YAML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from homeoanalysis import catalogue
from homeoanalysis.config import yaml
from homeoanalysis.config.fields import Size, explain
from homeoanalysis.config.merging import merge
from homeoanalysis.config.model import Model, ModelFile
from homeoanalysis.errors import ConfigError


class Single(NamedTuple):
    """A model, and the name that keys its random streams."""

    model: Model
    stream: str


def load_model(source: Model | Mapping[str, Any] | Path | str, *, size: Size = "ci") -> Single:
    """The checked model of a dict, of a YAML text (with a line break), or of a YAML file (with `base`, beside it).

    The random streams are those of the workflow where the file lies in `config/models`: keyed by the name of the file, or of the
    base at the end of the chain; else by "model". Raises ConfigError with one line for each violation.
    """
    if isinstance(source, Model):
        return Single(source, "model")
    if isinstance(source, Mapping):
        return Single(_checked(dict(source), "the model", size), "model")
    if isinstance(source, str) and "\n" in source:
        return Single(_checked(yaml.parse(source, "the YAML"), "the YAML", size), "model")
    if not isinstance(source, Path | str):
        raise ConfigError(f"the model is {type(source).__name__}; pass a dict, a YAML text, or the path of a YAML file")
    path = Path(source)
    content, chain = yaml.read(path, str(path)), [path.stem]
    while (base := content.pop("base", None)) is not None:
        beside = sorted(p.stem for p in path.parent.glob("*.yaml"))
        if base not in beside:
            raise ConfigError(
                f"{path}: base is {base!r}, which is no model beside it; {catalogue.did_you_mean(str(base), beside)}"
            )
        if base in chain:
            raise ConfigError(f"{path}: base leads in a circle: {' -> '.join([*chain, base])}; remove one")
        chain.append(base)
        content = merge(yaml.read(path.parent / f"{base}.yaml", f"{base}.yaml"), content)
    return Single(_checked(content, str(path), size), chain[-1])


def _checked(content: dict[str, Any], shown: str, size: Size) -> Model:
    if "base" in content:
        raise ConfigError(f"{shown}: base is {content['base']!r}, but there is no file beside which it could lie; pass a path")
    schema: Any = ModelFile
    try:
        file = ModelFile.model_validate({key: content.pop(key) for key in ModelFile.model_fields if key in content})
        schema = Model
        return Model.model_validate(merge(content, file.sizes.get(size, {})))
    except ValidationError as error:
        raise ConfigError(*(f"{shown}: {line}" for line in explain(error, schema))) from None
    except RecursionError:
        raise ConfigError(f"{shown}: it holds itself, or is nested too deeply; write it out") from None
