"""From a measure to the values that a contrast compares."""

import json
from collections.abc import Mapping

import numpy as np
import xarray as xr

from homeoanalysis import units
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.contracts import LABELLED, LONG
from homeoanalysis.contracts.schemas import NO_DATA
from homeoanalysis.errors import HomeoError
from homeoanalysis.numerics.rates import LEAST_SPIKES

Cell = tuple[str, str]  # subject and replicate: whose value it is
_BOTH = "both levels"  # in the place of the replicate, where a value is a change between levels


class NotComparable(HomeoError):
    """Why a contrast cannot be formed, in words."""


def no_value(measured: xr.Dataset) -> NotComparable:
    """Where a contrast is formed of values that the metric leaves undefined: with the metric's definition, which says when."""
    source = measured.attrs.get("metric_source")
    return NotComparable("no subject has a value" + (f"; {measured.attrs['metric']} is {source}" if source else ""))


def with_companion(measured: xr.Dataset, contrast: Contrast) -> xr.Dataset:
    """The measure whose metric is the companion that the contrast asks for; the measure itself where it asks for none."""
    name = f"{measured.attrs['metric']}_{contrast.companion}"
    return measured.assign_attrs(metric=name) if contrast.companion and name in measured else measured


def is_change(contrast: Contrast) -> bool:
    """Whether the contrast is a change, and not the metric itself."""
    return contrast.reference is not None or contrast.between is not None


def unit_of(contrast: Contrast, scale: str | None, units: str) -> str:
    """The unit of the contrast of a metric in `units`: a relative change has none; a trend is per unit of its factor."""
    unit = "1" if scale == "relative" and is_change(contrast) else units
    return unit if contrast.trend is None else f"{unit} per unit of {contrast.trend}"


def parse_margin(contrast: Contrast, scale: str, stated: str | None) -> tuple[float, float] | None:
    """The ends of the margin that the contrast states, or the study for relative metrics; None where neither does.

    A relative margin of 10 % is a factor between 1 / 1.1 and 1.1, and stands as logarithms.
    """
    text = contrast.margin or (stated if scale == "relative" else None)
    if text is None:
        return None
    number, unit = units.number_and_unit(text)
    if scale == "relative":
        return -float(np.log1p(number)), float(np.log1p(number))
    value = units.parse(text, unit) if unit else number
    return -value, value


def sides(contrast: Contrast) -> list[Contrast]:
    """The contrast itself, or the one of each level that it compares."""
    if contrast.between is None:
        return [contrast]
    factor = contrast.between.factor
    return [
        contrast.model_copy(update={"between": None, "where": {**contrast.where, factor: v}}) for v in contrast.between.levels
    ]


def _replicates(measured: xr.Dataset, contrast: Contrast) -> list[Cell]:
    """The replicates whose factors are as the contrast asks."""
    cells = zip(measured.subject.values.tolist(), measured.replicate.values.tolist(), measured.factors.values, strict=True)
    asked = contrast.where.items()
    return [(str(s), str(r)) for s, r, factors in cells if all(json.loads(str(factors)).get(k) == v for k, v in asked)]


def subjects(measured: xr.Dataset, contrast: Contrast) -> set[str]:
    """The subjects that the contrast is about, whether they have a value or not."""
    return {subject for side in sides(contrast) for subject, _ in _replicates(measured, side)}


def _at_frequency(values: xr.DataArray, contrast: Contrast) -> xr.DataArray:
    """The values at the nearest frequency to the one that is asked for, or all in the span; unchanged if none is."""
    span = contrast.frequencies()
    if span is None or "frequency" not in values.dims:  # a measure without any value has none, and says why
        return values
    frequency = values.frequency.values
    if span[0] < span[1]:
        kept = np.flatnonzero((frequency >= span[0] * (1 - 1e-9)) & (frequency <= span[1] * (1 + 1e-9)))
    else:
        kept = np.abs(frequency - span[0]).argmin(keepdims=True)
    step = float(np.diff(frequency).max(initial=0.0))
    if kept.size == 0 or span[0] < frequency[0] - step or span[1] > frequency[-1] + step:
        told = f"{frequency[0]:.4g} to {frequency[-1]:.4g} Hz"
        raise NotComparable(f"no frequency of {contrast.at['frequency']}; the metric has those from {told}")
    return values.isel(frequency=kept)


def selected(measured: xr.Dataset, contrast: Contrast) -> dict[Cell, xr.DataArray]:
    """The values of each replicate that the contrast (of one level) selects; they keep unit, epoch, frequency and draw."""
    values = measured[measured.attrs["metric"]]
    missing = json.loads(measured.attrs["not_applicable"])
    if "epoch" in values.dims:
        if contrast.epoch is None:
            raise NotComparable("the contrast names no epoch")
        for label in filter(None, (contrast.epoch, contrast.reference)):
            if label not in measured.epoch.values:
                raise NotComparable(f"no such epoch: {label}")
    for dim in (d for d in LABELLED if d in values.dims):
        if contrast.at.get(dim) not in values[dim].values:
            raise NotComparable(f"no such {dim}: {contrast.at[dim]}" if dim in contrast.at else f"the contrast names no {dim}")
        values = values.sel({dim: contrast.at[dim]}, drop=True)
    values = _at_frequency(values, contrast)
    asked = _replicates(measured, contrast)
    along = next((d for d in LONG if d in values.dims), None)
    members = None if along is None else measured[f"{along}_replicate"].values
    if along is not None:
        values = values.rename({along: "unit"})  # a pair is compared as a unit is
    values = values.drop_vars([c for c in values.coords if c not in values.dims or c == "unit"])
    found = {}
    for cell in (c for c in asked if c[1] not in missing):
        if members is None:
            found[cell] = values.sel(replicate=cell[1], drop=True).expand_dims("unit")
            continue
        chosen = members == cell[1]
        for key, kind in contrast.units().items():  # the config sees to it that the metric is of units
            chosen &= measured[key].values == kind
            if not chosen.any():
                raise NotComparable(f"replicate {cell[1]} has no units of {key.replace('_', ' ')} {kind}")
        found[cell] = values.isel(unit=chosen)
    if not found:
        levels = ", ".join(f"{k} = {v}" for k, v in contrast.where.items())
        why = f"; {contrast.without_data}" if contrast.without_data else ""
        raise NotComparable(missing[asked[0][1]] if asked else f"{NO_DATA}{levels}{why}")
    if "epoch" not in values.dims and contrast.reference is not None:
        raise NotComparable("the metric is not taken per epoch")
    return found


def refuse_censored(measured: xr.Dataset, contrast: Contrast) -> None:
    """A mean over those who came back in time says nothing of those who did not."""
    censored = f"{measured.attrs['metric']}_censored"
    if censored not in measured:
        return
    marks = measured.assign_attrs(metric=censored)
    each = [v for part in sides(contrast) for v in selected(marks, part).values()]
    late = sum(bool((v == 1).any()) for v in each)
    if late:
        raise NotComparable(f"{late} of {len(each)} replicates had not come back by the end; a mean of the others is too short")


def with_pairing(measured: xr.Dataset, contrast: Contrast) -> Contrast:
    """The contrast, which now says whether its levels are of the same subjects; unless declared: if they share any."""
    if contrast.between is None or contrast.between.paired is not None:
        return contrast
    first, second = ({subject for subject, _ in selected(measured, side)} for side in sides(contrast))
    return contrast.model_copy(update={"between": contrast.between.model_copy(update={"paired": bool(first & second)})})


def change(after: xr.DataArray, before: xr.DataArray, scale: str) -> xr.DataArray:
    """How much more `after` is; NaN relative to nothing."""
    return (after - before) / before.where(before != 0) if scale == "relative" else after - before


def _drop_few_spikes(measured: xr.Dataset, found: dict[Cell, xr.DataArray]) -> dict[Cell, xr.DataArray]:
    """Without replicates of so few spikes that no change is relative to them: one spike, then none, is no change by -100 %.

    They count as subjects without a value. Raises NotComparable if no other is there.
    """
    books = zip(measured.replicate.values, measured.bookkeeping.values, strict=True) if "bookkeeping" in measured else ()
    spikes = {str(r): json.loads(str(book)).get("spikes", {}).get("out", 0) for r, book in books}
    kept = {cell: values for cell, values in found.items() if not 0 < spikes.get(cell[1], 0) < LEAST_SPIKES}
    if not kept:
        raise NotComparable(f"every recording has fewer than {LEAST_SPIKES} spikes; a relative change needs more")
    return kept


def contrasted(measured: xr.Dataset, contrast: Contrast, scale: str) -> dict[Cell, xr.DataArray]:
    """The contrast (with its pairing) of each replicate, each pair, or, between levels of other subjects, of all together.

    Each is the summary over the units of its replicates.
    """
    if contrast.between is None:
        chosen = selected(measured, contrast)
        if scale == "relative" and contrast.reference is not None and measured.attrs.get("family") == "rates":
            chosen = _drop_few_spikes(measured, chosen)
        found = {}
        for cell, values in chosen.items():
            mine = _summarised(values, "unit", contrast.over_units)
            if "epoch" in mine.dims:
                now = mine.sel(epoch=contrast.epoch)
                mine = now if contrast.reference is None else change(now, mine.sel(epoch=contrast.reference), scale)
            found[cell] = mine.drop_vars("epoch", errors="ignore")
        return found
    first, second = (contrasted(measured, side, scale) for side in sides(contrast))
    if not contrast.between.paired:
        return {("all", _BOTH): change(mean(second), mean(first), scale)}
    before, after = by_subject(first), by_subject(second)
    pairs = {(s, _BOTH): change(after[s], before[s], scale) for s in after if s in before}
    if not pairs:
        levels = " and ".join(str(level) for level in contrast.between.levels)
        raise NotComparable(f"no subject has a value at both levels of {contrast.between.factor}, {levels}")
    return pairs


def by_subject(table: Mapping[Cell, xr.DataArray]) -> dict[str, xr.DataArray]:
    """The mean over the replicates of each subject."""
    found: dict[str, dict[Cell, xr.DataArray]] = {}
    for cell, values in table.items():
        found.setdefault(cell[0], {})[cell] = values
    return {subject: mean(mine) for subject, mine in found.items()}


def subject_means(table: Mapping[Cell, xr.DataArray]) -> dict[str, float]:
    """One number for each subject that has one: the mean over what is left (frequency)."""
    defined = {subject: values.values[~np.isnan(values.values)] for subject, values in by_subject(table).items()}
    numbers = {subject: float(values.mean()) for subject, values in defined.items() if values.size}
    return {subject: value for subject, value in numbers.items() if np.isfinite(value)}


def mean(table: Mapping[Cell, xr.DataArray]) -> xr.DataArray:
    """The mean over all."""
    if len(table) == 1:  # most subjects have one replicate, and joining one costs as much as joining many
        (alone,) = table.values()
        return alone
    return xr.concat(list(table.values()), "replicate", join="outer", coords="minimal").mean("replicate", skipna=True)


def _summarised(values: xr.DataArray, dim: str, summary: str) -> xr.DataArray:
    """What `over_units` of a contrast names, along `dim`; what is not defined counts for nothing."""
    if summary == "mean":
        return values.mean(dim, skipna=True)
    if summary == "mean_or_zero":
        return values.fillna(0.0).mean(dim)
    if summary == "median":
        return values.median(dim, skipna=True)
    return values.where(values > 0).median(dim, skipna=True).fillna(0.0)
