"""What is wrong between a study and the recordings, models and other studies that it speaks of."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from homeoanalysis import catalogue
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.config.design import examined
from homeoanalysis.config.fields import number_of
from homeoanalysis.config.model import PRESENTATIONS, Model
from homeoanalysis.config.recording import Recording
from homeoanalysis.config.sizes import sized, sizes_of, validated
from homeoanalysis.config.study import Study
from homeoanalysis.config.sweep_table import located


def variant_clashes(where: Mapping[str, str], studies: Mapping[str, Study]) -> Iterator[str]:
    varied: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, study in studies.items():
        for key, override in ((f"{m}.{v}", o) for m, variants in study.all_variants().items() for v, o in variants.items()):
            other, known = varied.setdefault(key, (name, override))
            if known != override:
                yield (
                    f"{where[name]}: variants.{key} differs from the one of the same name in study {other}; "
                    "activities are shared, rename one"
                )


def study_faults(
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
            lines = [line for size in sizes_of(raw[model]) for line in validated(sized(raw[model], size, override))[1]]
            yield from (f"{where}: variants.{model}.{variant}: {line}" for line in dict.fromkeys(lines))
    if all(r in recordings for r in study.recordings) and all(models.get(m) for m in study.models):
        offered = _offered(study, recordings, models, raw)
        yield from (f"{where}: metrics.{fault}" for fault in _metric_faults(study, offered.epochs))
        for name, contrast in study.contrasts.items():
            yield from (f"{where}: contrasts.{name}.{fault}" for fault in _contrast_faults(contrast, study, recordings, offered))
            yield from (f"{where}: contrasts.{name} {fault}" for fault in _overlaps(contrast, offered))
        yield from (f"{where}: {fault}" for fault in _block_faults(study, recordings, models))


def sweep_faults(
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
        faults = [f for size in sizes_of(raw[model]) for f in examined(swept, sized(raw[model], size, override))[1]]
        yield from located(content, path, where, name, list(dict.fromkeys(faults)))


class _Offered(NamedTuple):
    """What the sources of a study have, of which its contrasts ask."""

    levels: dict[str, set[object]]  # of each factor
    epochs: set[str]
    target_epochs: set[str]
    spans: list[tuple[str, dict[str, tuple[float, float]]]]  # place and epochs of each replicate and model, as far as known


def _offered(
    study: Study,
    recordings: Mapping[str, Recording],
    models: Mapping[str, Model | None],
    raw: Mapping[str, dict[str, Any]],
) -> _Offered:
    levels: dict[str, set[object]] = {}
    for factor, level in (pair for factors in _factors(study, recordings, models) for pair in factors.items()):
        levels.setdefault(factor, set()).add(level)
    spans = [
        (f"{name}, replicate {r}", recordings[name].spans(r)) for name in study.recordings for r in recordings[name].replicates
    ]
    spans += [(name, model.spans()) for name in study.models if (model := models[name]) is not None]
    of_targets = _epochs(study, recordings, models, raw, list(study.targets))
    return _Offered(levels, _epochs(study, recordings, models, raw), of_targets, spans)


def _contrast_faults(contrast: Contrast, study: Study, recordings: Mapping[str, Recording], offered: _Offered) -> Iterator[str]:
    """A factor level or epoch that no source has is a typing error, not an empty comparison."""
    levels = offered.levels
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
    for key in ("epoch", "reference"):
        label = getattr(contrast, key)
        if label is not None and label not in offered.epochs:
            yield f"{key} is {label!r}, which no source of the study has; {catalogue.did_you_mean(label, offered.epochs)}"
        elif label is not None and study.targets and label not in offered.target_epochs and _is_per_epoch(contrast):
            yield f"{key} is {label!r}, which no target has; {catalogue.did_you_mean(label, offered.target_epochs)}"


def _metric_faults(study: Study, epochs: Collection[str]) -> Iterator[str]:
    """Epochs that a metric is told to take, and that no source has."""
    for label, written in study.metrics.items():
        for key in sorted(catalogue.epoch_parameters(label.partition(".")[0]) & set(written)):
            asked = written[key] if isinstance(written[key], list) else [written[key]]
            for epoch in (e for e in asked if e is not None and e not in epochs):
                mend = catalogue.did_you_mean(epoch, epochs)
                yield f"{label}.{key} is {epoch!r}, an epoch that no source of the study has; {mend}"


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


def _overlaps(contrast: Contrast, offered: _Offered) -> Iterator[str]:
    """An epoch and its reference that share time, in the first replicate or model where the YAML says so."""
    for place, spans in offered.spans:
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
            spans, durations = ({}, []) if model is None else (model.spans(), [model.duration])
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


def _is_per_epoch(contrast: Contrast) -> bool:
    return any("epoch" in catalogue.load("metrics", label.partition(".")[0]).dims for label in contrast.metrics)


def _epochs(
    study: Study,
    recordings: Mapping[str, Recording],
    models: Mapping[str, Model | None],
    raw: Mapping[str, dict[str, Any]],
    sources: Collection[str] = (),
) -> set[str]:
    """The labels of the epochs of the sources, of all without any; a source without epochs has one, "whole"."""
    only = {s.partition(".")[0] for s in sources or study.sources()}
    labels = {label for name in study.recordings if name in only for label in recordings[name].epochs or ("whole",)}
    for name in (m for m in study.models if m in only):
        model = models[name]
        if model is not None:
            labels |= set(model.spans() or (PRESENTATIONS if model.duration is None else ("whole",)))
    # What a variant or a size changes may make other epochs: those that it writes, or those of its
    # perturbations.
    overrides = [o for variants in study.all_variants().values() for o in variants.values()]
    overrides += [o for name in study.models if name in only and name in raw for o in raw[name].get("sizes", {}).values()]
    changed = [override.get(key) for override in overrides for key in ("epochs", "protocols")]
    return labels | {label for names in changed if isinstance(names, dict) for label in names}
