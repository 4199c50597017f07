"""Which file each job reads and writes. The workflow's rules and `check` both ask here, so that they agree."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from homeoanalysis.config.design import at_point, examined, points
from homeoanalysis.config.loading import Config
from homeoanalysis.config.model import Model
from homeoanalysis.config.parameter_sweep import Sweep
from homeoanalysis.config.sizes import validated
from homeoanalysis.errors import ConfigError
from homeoanalysis.fetch import local_path
from homeoanalysis.provenance import code_of, rng_for
from homeoanalysis.resources import points_of_a_job

ACTIVITY = "results/activity"


class Job(NamedTuple):
    """One job of the workflow, as `check` lists it."""

    rule: str
    what: str
    outputs: list[str]


class Plan:
    """The paths of a config. Raises ConfigError where they cannot be made."""

    def __init__(self, config: Config) -> None:
        for folder in ("results", "data"):
            if Path(folder).exists() and not Path(folder).is_dir():
                raise ConfigError(f"{folder} is a file, where the workflow has a folder of that name; rename the file")
        self.config = config
        self.simulated = config.variants()  # source -> (model, overrides)
        self._models: dict[str, Model] = {}  # each takes milliseconds to check, and every job asks for its own several times
        self._recorded: dict[str, dict[str, list[str]]] = {}
        self._points: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._steps: dict[tuple[str, str], int] = {}

    def raw_model(self, source: str) -> dict[str, Any]:
        """The YAML of a simulated source's model, overrides applied."""
        return self.config.raw_model(*self.simulated[source])

    def model(self, source: str) -> Model:
        """The model behind a simulated source."""
        if source not in self._models:
            self._models[source] = Model.model_validate(self.raw_model(source))
        return self._models[source]

    def recording_file(self, recording: str, name: str) -> str:
        """Where a recording's file is read: in `data/`, or, for a folder of the user, where it lies."""
        source = self.config.recordings[recording].source
        is_own = source.url is None and source.package is None
        return str(local_path(source, name)) if is_own else f"data/{recording}/{name}"

    def replicate_files(self, recording: str, replicate: str) -> dict[str, str]:
        """Role -> path of the files of one replicate."""
        files = self.config.recordings[recording].replicates[replicate].all_files()
        return {role: self.recording_file(recording, file.name) for role, file in files.items()}

    def batch_files(self, recording: str, batch: str) -> dict[str, str]:
        """Role -> path of the files that a batch of replicates is read from."""
        return self.replicate_files(recording, self.recorded(recording)[batch][0])

    def recorded(self, recording: str) -> dict[str, list[str]]:
        """Batch -> its replicates: one, under its name, or all that are read from the same files, under the names of these."""
        if recording not in self._recorded:  # each of its jobs asks
            self._recorded[recording] = self._batches(recording)
        return self._recorded[recording]

    def _batches(self, recording: str) -> dict[str, list[str]]:
        together: dict[tuple[tuple[str, str], ...], list[str]] = {}
        replicates = self.config.recordings[recording].replicates
        for name, replicate in replicates.items():
            files = tuple(sorted((role, file.name) for role, file in replicate.all_files().items()))
            together.setdefault(files, []).append(name)
        batches: dict[str, list[str]] = {}
        taken = {name.lower() for name in replicates}
        for files, names in together.items():
            batch = names[0]
            if len(names) > 1:
                batch = re.sub(r"[^A-Za-z0-9_-]+", "_", "-".join(Path(file).stem for _, file in files))[:100]
                while batch.lower() in taken:
                    batch += "_"
                taken.add(batch.lower())
            batches[batch] = names
        return batches

    def realisations(self, source: str) -> dict[str, list[int]]:
        """Batch -> the random realisations that it runs."""
        model = self.model(source)
        every = list(range(model.replicates))
        return {str(k): every[i : i + model.batch] for k, i in enumerate(range(0, model.replicates, model.batch))}

    def activity_files(self, source: str) -> list[str]:
        """The activity files of a source, one for each batch."""
        batches = self.realisations(source) if source in self.simulated else self.recorded(source)
        return [f"{ACTIVITY}/{source}/{batch}.nc" for batch in batches]

    def order(self, source: str, study: str | None = None) -> dict[str, list[str]]:
        """Recording -> its replicates in the order of its YAML: of a source, of its stimulus, of its blindness in a study.

        Results are in this order, and realisation k is seen like the k-th replicate, but Snakemake sorts what a job reads.
        """
        used = [source, *(self.model(source).stimulus_recordings() if source in self.simulated else [])]
        used += [self.blindness(study, source).get("recording", "")] if study is not None else []
        return {name: list(self.config.recordings[name].replicates) for name in used if name in self.config.recordings}

    def stimulus_files(self, source: str) -> list[str]:
        """The activity files whose stimulus a model is driven by."""
        return [path for recording in self.model(source).stimulus_recordings() for path in self.activity_files(recording)]

    def model_files(self, source: str) -> list[str]:
        """The user's files that a model is built from: its lists of synapses."""
        return list(dict.fromkeys(self.model(source).files().values()))

    def sweep(self, study: str, name: str) -> Sweep:
        """A sweep of a study."""
        return self.config.studies[study].sweeps[name]

    def sweep_source(self, study: str, name: str) -> str:
        """The simulated source whose parameters a sweep varies."""
        return self.config.sources(study)[self.sweep(study, name).model]

    def sweep_points(self, study: str, name: str) -> list[dict[str, Any]]:
        """The points of a sweep in order: path -> value. Sweeps of a study over the same ranges have the same, and are paired."""
        if (study, name) not in self._points:
            raw = self.raw_model(self.sweep_source(study, name))
            rng = rng_for(self.config.main.seed, "sweep", study)
            self._points[study, name] = points(self.sweep(study, name), examined(self.sweep(study, name), raw)[0], rng)
        return self._points[study, name]

    def sweep_parts(self, study: str, name: str) -> dict[str, range]:
        """Part -> the points that one job simulates and measures."""
        n, step = len(self.sweep_points(study, name)), self._points_of_a_job(study, name)
        return {str(k): range(start, min(start + step, n)) for k, start in enumerate(range(0, n, step))}

    def _points_of_a_job(self, study: str, name: str) -> int:
        if (study, name) not in self._steps:
            asked, model = self.sweep(study, name).points_per_job, self.model(self.sweep_source(study, name))
            runs = self.runs(model, self.sweep_realisations(study, name))
            self._steps[study, name] = asked or points_of_a_job(model, runs)
        return self._steps[study, name]

    def runs(self, model: Model, realisations: int) -> int:
        """How often a model runs: each realisation meets every recorded stimulus."""
        stimuli = sum(len(names) for r in model.stimulus_recordings() for names in self.recorded(r).values())
        return realisations * max(stimuli, 1)

    def sweep_part(self, study: str, name: str, part: str) -> dict[int, dict[str, Any]]:
        """The points of one part: number in the sweep -> path -> value."""
        every = self.sweep_points(study, name)
        return {k: every[k] for k in self.sweep_parts(study, name)[part]}

    def sweep_realisations(self, study: str, name: str) -> int:
        """How many realisations each point has."""
        return self.sweep(study, name).replicates or self.model(self.sweep_source(study, name)).replicates

    def sweep_metrics(self, study: str, name: str) -> dict[str, Any]:
        """The YAML of the metrics that are taken at each point: label -> parameters."""
        metrics: dict[str, Any] = self.config.raw_studies[study]["metrics"]
        return {label: metrics[label] for label in self.sweep(study, name).metrics or metrics}

    def sweep_code(self, study: str, name: str) -> list[Path]:
        """The code behind the points of a sweep: verbs, and the entries of its model and its metrics."""
        entries = self.model(self.sweep_source(study, name)).entries()
        entries += [("metrics", label.partition(".")[0]) for label in self.sweep_metrics(study, name)]
        return [*code_of("sweep.points", *entries), *code_of("simulate"), *code_of("measure")]

    def sweep_faults(self, study: str, name: str) -> Iterator[str]:
        """Points of a sweep that the model does not take, each by itself: looked at by `check`, not at each start."""
        raw = self.raw_model(self.sweep_source(study, name))
        for k, point in enumerate(self.sweep_points(study, name)):
            if wrong := validated(at_point(raw, point))[1]:
                yield f"point {k} ({', '.join(f'{p} = {v}' for p, v in point.items())}): {wrong[0]}"

    def swept_files(self, study: str) -> list[str]:
        """The sweeps of a study."""
        return [f"results/{study}/sweeps/{name}.nc" for name in self.config.studies[study].sweeps]

    def sweep_pictures(self, study: str) -> list[str]:
        """The figures of the sweeps of a study, as PNG (each has a PDF beside it)."""
        return [f"results/{study}/figures/sweep.{name}.png" for name in self.config.studies[study].sweeps]

    def measure_file(self, study: str, label: str, source: str) -> str:
        """The measure of one source in a study."""
        return f"results/{study}/measures/{label}/{source}.nc"

    def measure_files(self, study: str) -> dict[tuple[str, str], str]:
        """(label, source as the study names it) -> path."""
        sources = self.config.sources(study)
        metrics = self.config.studies[study].metrics
        return {(m, short): self.measure_file(study, m, s) for m in metrics for short, s in sources.items()}

    def resampling(self, study: str, label: str, source: str) -> dict[str, Any]:
        """How halves and surrogates of one measure are drawn: only of targets, in contrasts.

        With the key `only_epochs`, those that the contrasts are about; None stands for all.
        """
        asked = self.config.studies[study]
        contrasts = [c for c in asked.contrasts.values() if label in c.metrics]
        short = next(short for short, s in self.config.sources(study).items() if s == source)
        is_drawn = bool(contrasts) and short in asked.targets
        named = {epoch for c in contrasts for epoch in (c.epoch, c.reference) if epoch is not None}
        epochs = sorted(named) if all(c.epoch is not None for c in contrasts) else None
        how = asked.resampling.model_dump()
        return {**how, "only_epochs": epochs} if is_drawn else {**how, "draws": 0, "only_epochs": None}

    def blindness(self, study: str, source: str) -> dict[str, Any]:
        """The recording that a model is measured like in a study, and the rate below which units are left out [Hz]."""
        model = self.simulated[source][0] if source in self.simulated else ""
        recording = self.config.studies[study].blindness.get(model)
        if recording is None:
            return {}
        return {"recording": recording, "minimum_rate": self.config.recordings[recording].units.minimum_rate or 0.0}

    def blindness_files(self, study: str, source: str) -> list[str]:
        """The activity files of that recording."""
        blindness = self.blindness(study, source)
        return self.activity_files(blindness["recording"]) if blindness else []

    def figure_files(self, study: str) -> list[str]:
        """The figures of a study, as PNG (each has a PDF beside it)."""
        return [f"results/{study}/figures/{figure.name}.png" for figure in self.config.studies[study].figures]

    def with_published(self) -> list[str]:
        """The studies that have published figures."""
        return [name for name, study in self.config.studies.items() if study.published]

    def with_findings(self) -> list[str]:
        """The studies that reproduce published figures, or judge models by a recording."""
        return [name for name, study in self.config.studies.items() if study.published or any(study.targets.values())]

    def page_pictures(self, study: str) -> list[str]:
        """What a page over several studies shows of one: how far its models are from the data, and its published figures."""
        distances = [path for path in self.figure_files(study) if Path(path).stem == "differences"]
        return [*distances, *self.published_files(study)[1:]]

    def published_files(self, study: str) -> list[str]:
        """What a study with published figures adds: the table and its picture."""
        found = f"results/{study}"
        return [f"{found}/published.csv", f"{found}/figures/published.png"] if self.config.studies[study].published else []

    def tested(self) -> dict[str, str]:
        """Claim -> the study that tests it, of those that have one."""
        return {claim: study for claim, study in self.config.tested().items() if study}

    def claim_files(self, study: str) -> list[str]:
        """What a study with a claim adds: the table and its picture."""
        found = f"results/{study}"
        return [f"{found}/claim.csv", f"{found}/figures/claim.png"] if self.config.studies[study].claim is not None else []

    def robustness_files(self, study: str) -> dict[str, str]:
        """Point of the sweep of a claim's robustness -> the table of what was judged there; none at size ci."""
        return {point: self.claim_files(name)[0] for point, name in self.config.robustness.get(study, {}).items()}

    def timing_files(self, study: str) -> dict[str, str]:
        """File with the time that a job of a study took -> its rule. Downloads, and the report itself, are not told of."""
        jobs = [job for job in self.jobs(study) if job.rule not in ("fetch", "report")]
        return {f"results/benchmarks/{Path(job.outputs[0]).relative_to('results').with_suffix('.tsv')}": job.rule for job in jobs}

    def claim_timing_files(self, study: str) -> dict[str, str]:
        """The same of a study with a claim and of all points of its sweep."""
        names = (study, *self.config.robustness.get(study, {}).values())
        return {path: rule for name in names for path, rule in self.timing_files(name).items()}

    def sizes(self, study: str) -> dict[str, str]:
        """Source as the study names it -> size of the model, or "recording".

        A model whose YAML says that its `full` is no other than what is run is at the size `full`.
        """
        found: dict[str, str] = {}
        for short, source in self.config.sources(study).items():
            is_full = source in self.simulated and self.config.is_full(*self.simulated[source])
            found[short] = "recording" if source not in self.simulated else "full" if is_full else self.config.main.size
        return found

    def fitted(self, study: str) -> dict[str, list[str]]:
        """Source as the study names it -> metrics, and contrasts of the study, that were set from the data."""
        models = {short: s for short, s in self.config.sources(study).items() if s in self.simulated}
        contrasts = self.config.studies[study].fitted
        return {short: [*self.model(s).fitted, *contrasts.get(self.simulated[s][0], [])] for short, s in models.items()}

    def raw_file(self, recording: str, name: str) -> dict[str, Any]:
        """The YAML of one file of a recording."""
        replicates = self.config.raw_recordings[recording]["replicates"].values()
        sets = [part for r in replicates for part in (r, *r.get("parts", {}).values())]
        return next(dict(f) for s in sets for f in s.get("files", {}).values() if f["name"] == name)

    def recording_entries(self, recording: str) -> list[tuple[str, str]]:
        """The catalogue entries that a recording is read with."""
        return self.config.recordings[recording].entries()

    def metric_entries(self, study: str) -> list[tuple[str, str]]:
        """The catalogue entries of a study's metrics."""
        return sorted({("metrics", label.partition(".")[0]) for label in self.config.studies[study].metrics})

    def raw_figure(self, study: str, name: str) -> Any:
        """The YAML of one figure of a study."""
        listed = self.config.raw_studies[study]["figures"]
        return next(f for f in listed if f == name or (isinstance(f, dict) and name in f))

    def raw_batch(self, recording: str, batch: str) -> dict[str, Any]:
        """The YAML of a recording without the replicates of other batches: what the ingestion of one depends on."""
        raw = self.config.raw_recordings[recording]
        return {**raw, "replicates": {name: raw["replicates"][name] for name in self.recorded(recording)[batch]}}

    def jobs(self, study: str) -> Iterator[Job]:
        """Every job that a study needs, in order."""
        sources = self.config.sources(study)
        driving = [r for s in sources.values() if s in self.simulated for r in self.model(s).stimulus_recordings()]
        recordings = dict.fromkeys([*(s for s in sources.values() if s not in self.simulated), *driving])
        for name in recordings:
            recording = self.config.recordings[name]
            if recording.source.url or recording.source.package:
                files = dict.fromkeys(f.name for r in recording.replicates.values() for f in r.all_files().values())
                for file in files:
                    yield Job("fetch", f"{name}/{file}", [self.recording_file(name, file)])
            for path, replicates in zip(self.activity_files(name), self.recorded(name).values(), strict=True):
                yield Job("ingest", f"{name}, {len(replicates)} replicates", [path])
        for source in sources.values():
            if source in self.simulated:
                for path, members in zip(self.activity_files(source), self.realisations(source).values(), strict=True):
                    yield Job("simulate", f"{source}, {len(members)} realisations", [path])
        for (label, short), path in self.measure_files(study).items():
            yield Job("measure", f"{label} of {short}", [path])
        yield Job("compare", study, [f"results/{study}/comparison.nc"])
        for path in self.figure_files(study):
            yield Job("draw", Path(path).stem, [path, path.removesuffix("png") + "pdf"])
        for name, path, picture in zip(
            self.config.studies[study].sweeps, self.swept_files(study), self.sweep_pictures(study), strict=True
        ):
            for part, of in self.sweep_parts(study, name).items():
                yield Job("sweep_part", f"{name}, {len(of)} points", [f"{path.removesuffix('.nc')}/{part}.nc"])
            yield Job("sweep", name, [path, picture, picture.removesuffix("png") + "pdf"])
        if published := self.published_files(study):
            yield Job("reproduce", study, [*published, published[-1].removesuffix("png") + "pdf"])
        if claim := self.claim_files(study):
            yield Job("judge", study, [*claim, claim[-1].removesuffix("png") + "pdf"])
        yield Job("report", study, [f"results/{study}/report.html"])
