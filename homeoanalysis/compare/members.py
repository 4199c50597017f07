"""The subjects behind a contrast, each with the values of its units: what scores are taken of."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.compare.contrasts import NotComparable, by_subject, contrasted, is_change, selected, sides
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.numerics.distances import sample
from homeoanalysis.numerics.summaries import MINIMUM

Floats = NDArray[np.float64]
Group = dict[str, Floats]  # member -> its values, (unit,) or (draw, unit)


def groups(measured: xr.Dataset, contrast: Contrast, scale: str) -> list[Group]:
    """The subjects of a contrast (with its pairing); of levels of other subjects a group for each level.

    A level of the metric has a value for each unit of a subject, those of all its replicates together; a change has one for
    each subject. NaN where there is none. Values over frequency are averaged.
    """
    if contrast.trend is not None:
        raise NotComparable("a trend is located in each source, and not compared")
    if _is_unpaired(contrast):
        return [one for side in sides(contrast) for one in groups(measured, side, scale)]
    if is_change(contrast):
        return [{s: _flat(v.expand_dims("unit")) for s, v in by_subject(contrasted(measured, contrast, scale)).items()}]
    found: dict[str, list[Floats]] = {}
    for (subject, _), values in selected(measured, contrast).items():
        found.setdefault(subject, []).append(_flat(values.sel(epoch=contrast.epoch) if "epoch" in values.dims else values))
    return [{subject: np.concatenate(each, axis=-1) for subject, each in found.items()}]


def _is_unpaired(contrast: Contrast) -> bool:
    return contrast.between is not None and not contrast.between.paired


def _flat(values: xr.DataArray) -> Floats:
    """(unit,), or (draw, unit)."""
    rest = [d for d in values.dims if d not in ("draw", "unit")]
    return np.asarray(values.mean(rest, skipna=True).transpose(..., "unit").values, float)


def by_unit(found: Group) -> Group:
    """Each unit as a member of its own."""
    return {f"{member}/{k}": values[..., k : k + 1] for member, values in found.items() for k in range(values.shape[-1])}


def finite(found: Mapping[str, Floats]) -> Group:
    """The members with a value, and their values that are defined."""
    kept = {member: values[np.isfinite(values)] for member, values in found.items()}
    return {member: values for member, values in kept.items() if values.size}


def is_few(found: Group) -> bool:
    """Too few members to be split in two halves with a spread each."""
    return len(found) < MINIMUM


def logarithms(found: Group, offset: float) -> Group:
    """ln(offset + value), of those that have one."""
    return finite({member: np.log(offset + values[values > -offset]) for member, values in found.items()})


def halves(found: Group, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Two random halves of the members, without the odd one."""
    order, half = rng.permutation(list(found)).tolist(), len(found) // 2
    return order[:half], order[half : 2 * half]


def like(found: Group, others: Sequence[Floats], rng: np.random.Generator) -> list[Floats]:
    """As many random members as `others`, none twice unless there are fewer, each with as many of its units as its other."""
    keys = list(found)
    order = np.concatenate([rng.permutation(len(keys)) for _ in range(-(-len(others) // len(keys)))])[: len(others)]
    return [rng.permutation(found[keys[k]])[: other.size] for k, other in zip(order, others, strict=True)]


def deviation(found: Group) -> float:
    """Standard deviation of the values of all members, each weighing alike."""
    pooled = sample(list(found.values()))
    mean = float(pooled.weight @ pooled.values)
    return float(np.sqrt(pooled.weight @ (pooled.values - mean) ** 2))
