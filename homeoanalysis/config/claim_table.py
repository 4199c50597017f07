"""config/claims.yaml: what is claimed, and what is wrong between this table, their robustness and the studies of claims."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from homeoanalysis import catalogue
from homeoanalysis.config import robustness, yaml
from homeoanalysis.config.claim import Changes
from homeoanalysis.config.fields import check_name, explain
from homeoanalysis.config.study import Study
from homeoanalysis.errors import ConfigError

FOLDER = "claims"  # of their studies, inside studies/
TABLE = "claims.yaml"
SHARED = "robustness.yaml"
_MODELS = 10_000  # of a sweep: each is made and checked


def read(folder: Path, shown: str) -> dict[str, str]:
    """Claim -> what is claimed; none if the config has no table. Raises ConfigError."""
    if not (folder / TABLE).exists():
        return {}
    content, wrong = yaml.read(folder / TABLE, f"{shown}/{TABLE}"), []
    for name, text in content.items():
        try:
            check_name(name)
        except ValueError as error:
            wrong.append(f"{shown}/{TABLE}: the name of a claim {error}")
        if not isinstance(text, str) or not text.strip():
            wrong.append(f"{shown}/{TABLE}: {name} is {text!r}; write in words what is claimed")
    if wrong:
        raise ConfigError(*wrong)
    return content


def read_shared(folder: Path, shown: str) -> Changes:
    """What the robustness of several claims shares; nothing if the config has no such file. Raises ConfigError."""
    if not (folder / SHARED).exists():
        return Changes()
    try:
        return Changes.model_validate(yaml.read(folder / SHARED, f"{shown}/{SHARED}"))
    except ValidationError as error:
        raise ConfigError(*(f"{shown}/{SHARED}: {line}" for line in explain(error, Changes))) from None


def faults(shown: str, claims: Mapping[str, str], where: Mapping[str, str], studies: Mapping[str, Study]) -> Iterator[str]:
    """A claim has a line in the table, one study at most, and its study a place. where: study -> its file."""
    taken: dict[str, str] = {}
    for name, study in studies.items():
        is_apart = f"/{FOLDER}/" in where[name]
        if study.claim is None:
            if is_apart:
                yield f"{where[name]}: has no claim, which studies in {FOLDER}/ are for; write one, or move the file to studies/"
            continue
        if not is_apart:
            yield f"{where[name]}: has a claim; move the file to {shown}/studies/{FOLDER}/, where `snakemake claims` looks"
        if study.claim.name not in claims:
            known = catalogue.did_you_mean(study.claim.name, claims)
            yield f"{where[name]}: claim.name is {study.claim.name!r}, which {shown}/{TABLE} has not; {known}"
        other = taken.setdefault(study.claim.name, name)
        if other != name:
            yield f"{where[name]}: claim.name is {study.claim.name!r}, which {other} tests already; a claim has one study"


def robustness_faults(
    shown: str,
    shared: Changes,
    where: Mapping[str, str],
    raw_studies: Mapping[str, dict[str, Any]],
    studies: Mapping[str, Study],
    raw_models: Mapping[str, dict[str, Any]],
) -> Iterator[str]:
    """What a sweep says of models, looked at whether it is run or not."""
    for name, study in studies.items():
        asked = study.claim.robustness if study.claim is not None else None
        if asked is None:
            continue
        known = [*shared.parameters, *shared.rules]
        for missing in (n for n in asked.shared if n not in known):
            did_you_mean = catalogue.did_you_mean(missing, known)
            yield f"{where[name]}: claim.robustness.shared has {missing!r}, which {shown}/{SHARED} has not; {did_you_mean}"
        points = robustness.points(asked, shared)
        if (n := len(points) * len(study.sources())) > _MODELS:
            yield f"{where[name]}: claim.robustness: points x models is {n}, more than {_MODELS}; take fewer points"
            continue
        for point, change in points.items():
            for key in robustness.absent(raw_studies[name], raw_models, change):
                yield f"{where[name]}: claim.robustness has {key!r} ({point}), which is no number, and no rule, of its models"
