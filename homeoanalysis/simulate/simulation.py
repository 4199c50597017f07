"""Running a network: chunk by chunk, with slow rules, changes and a look at the state in between."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.config.model import Model
from homeoanalysis.errors import SimulationError
from homeoanalysis.identity import file_hash
from homeoanalysis.numerics.channels import inputs
from homeoanalysis.numerics.counter import random_key
from homeoanalysis.numerics.mechanism import Window
from homeoanalysis.numerics.traces import LINE, levels, zeros
from homeoanalysis.provenance import code_digest
from homeoanalysis.simulate.build import build, cut
from homeoanalysis.simulate.checkpoint import fingerprint, read, step_of, write
from homeoanalysis.simulate.compiler import Code, compiled
from homeoanalysis.simulate.engine import Barrier
from homeoanalysis.simulate.instances import source_files
from homeoanalysis.simulate.logbook import Logbook
from homeoanalysis.simulate.network import Network, Slow
from homeoanalysis.simulate.probes import attach
from homeoanalysis.simulate.projections import weights

_LOG = logging.getLogger(__name__)
CHUNK = 1.0  # biological time between two looks at the state [s]
_PROGRESS = 10.0  # seconds between two lines of the log


class Simulation:
    """A network, the step that it has reached and what was written down so far."""

    def __init__(
        self,
        model: Model,
        *,
        name: str = "model",
        replicate: int = 0,
        seed: int = 1,
        stimulus: xr.Dataset | None = None,
        threads: int = 1,
        code: Code | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        """code: `compiler.REFERENCE` for the plain Python loop, by default the compiled one.

        checkpoint: file that the state is written to every `model.checkpoint_every`; if it holds a state of this very
        run, the run goes on from there.
        """
        self.model = model
        # before the network, which takes minutes of a large one: its folder may not be there
        self._code = code or compiled(source_files(model, is_compiled=True))
        self.network: Network = build(model, name=name, replicate=replicate, seed=seed, stimulus=stimulus, threads=threads)
        self.step = 0
        self._pool = ThreadPoolExecutor(len(self.network.parts)) if threads > 1 else None
        self._label = f"{name} replicate {replicate}"
        self._changes = sorted(
            ((self._steps(at), key, k) for key, p in self.network.protocols.items() for k, at in enumerate(_times(p))),
            key=lambda change: (change[0], -change[2], change[1]),  # where one stops and another starts, the start counts
        )
        self._watching = {
            key: p.watch(self.network, random_key(self.network.make.stream("input", key)))
            for key, p in self.network.protocols.items()
            if hasattr(p, "watch")
        }
        self._checkpoint = checkpoint
        watched = {population for watch in self._watching.values() for population in (watch.source, watch.target)}
        self.logbook = Logbook(model, self.network, watched=watched)
        if model.duration is not None:
            attach(self.network, model, self._steps(model.duration))
        self._fingerprint = fingerprint(
            model=model.model_dump(mode="json"),
            run=[name, replicate, seed, threads],
            code=code_digest([Path(__file__), *self.network.files]),
            stimulus=None if stimulus is None else stimulus.attrs.get("history", ""),
            files={file: file_hash(Path(file)) for file in model.files().values()},
        )
        self._is_slow = any(self.network.slow.values()) or any(p.slow for p in self.network.neurons.values())

        self._begin()
        if checkpoint is not None:
            self._resume(checkpoint)

    def _resume(self, path: Path) -> None:
        step = step_of(path, self._fingerprint)
        if step is None:
            return
        while self._changes and self._changes[0][0] < step:
            _, key, k = self._changes.pop(0)
            self.network.protocols[key].change(self.network, k)
        self.logbook.restore(read(path, self.network))
        self.step = step
        self._answer(0)
        _LOG.info("%s: goes on from %.0f s, where %s was written", self._label, step * self.network.grid.dt, path)

    def _steps(self, seconds: float) -> int:
        return round(seconds / self.network.grid.dt)

    def samples(self, population: str) -> int:
        """Steps of one presentation of the stimulus."""
        injections = self.network.parts[0].populations[population].injections
        (samples,) = (i.samples for i in injections if hasattr(i, "samples"))
        return int(samples.size)

    @property
    def spikes(self) -> dict[str, list[np.ndarray]]:
        """Steps and units of the spikes that are kept, by population, chunk by chunk."""
        return self.logbook.spikes

    def emitted(self, populations: Iterable[str] | None = None) -> int:
        """Spikes that the neurons of some populations have fired; by default of all."""
        names = self.network.neurons if populations is None else populations
        return sum(int(part.populations[key].logged[1]) for part in self.network.parts for key in names)

    def advance(self, steps: int) -> Mapping[str, float]:
        """Run for some steps; returns the mean number of spikes of a neuron of each population."""
        began, begin, told = time.monotonic(), self.step, time.monotonic()
        stop = begin + steps
        grid = self.network.grid
        chunk, every = max(1, self._steps(CHUNK)), max(1, self._steps(self.model.checkpoint_every))
        spikes = dict.fromkeys(self.network.neurons, 0)
        while self.step < stop:
            while self._changes and self._changes[0][0] <= self.step:
                _, key, k = self._changes.pop(0)
                self.network.protocols[key].change(self.network, k)
            ends = [stop, _next(self.step, chunk), _next(self.step, self.network.flush_every)]
            ends += [s for s, *_ in self._changes[:1]]
            if self._is_slow:
                ends.append(_next(self.step, grid.window))
            if self._checkpoint is not None:
                ends.append(_next(self.step, every))
            ends += [_next(self.step, pause) for pause in self.logbook.pauses()]
            self.step = self._run(min(ends))
            for key, found in self._drain().items():
                self.logbook.log(key, found)
                spikes[key] += found.shape[1]
            if self.step % grid.window == 0:
                self._end_window()
            if self._watching and self.step % chunk == 0:
                self._answer(self.step - chunk)
            if self.step % chunk == 0 or self.step == stop:
                self._check()
            self.logbook.look(self.step)
            if self._checkpoint is not None and self.step % every == 0:
                write(self._checkpoint, self.network, self.step, self.logbook.arrays(), self._fingerprint)
            if time.monotonic() - told > _PROGRESS:
                told = time.monotonic()
                speed = (self.step - begin) * grid.dt / (told - began)
                left = (stop - self.step) * grid.dt / speed
                _LOG.info(
                    "%s: %s s of %s s, %s x real time, %s s left",
                    *(self._label, *map(_told, (self.step * grid.dt, stop * grid.dt, speed, left))),
                )
        return {key: n / self.network.neurons[key].n for key, n in spikes.items()}

    def _answer(self, since: int) -> None:
        """Plan what protocols do in answer to the spikes from step `since` on, up to the last full chunk."""
        stop = self.step - self.step % max(1, self._steps(CHUNK))
        for key, watch in self._watching.items():
            begin = since - self._steps(watch.memory)
            found = {name: _between(self.spikes[name], begin, stop) for name in (watch.source, watch.target)}
            times = [self._steps(t) for t in watch.times(found, since)]
            self._changes = sorted([*self._changes, *((t, key, 1) for t in times if t >= self.step)])

    def _run(self, stop: int) -> int:
        parts, due, apart = self.network.parts, self.network.due, self.network.apart
        for part in parts:
            for p in part.populations.values():
                drive = p.state.drive[: p.counts.size]
                p.is_even[0] = (drive == drive[:1]).all()
        if self._pool is None:
            arguments = parts[0].arguments()
            for part in parts[1:]:
                arguments = tuple(a + b for a, b in zip(arguments, part.arguments(), strict=True))  # type: ignore[assignment]
            return self._code.run(*arguments, (), due[0], self.step, stop, apart)
        # Each thread writes on lines of the cache of its own.
        arrived, rounds, full = (zeros((n, LINE // 8), np.int64) for n in (1, len(parts), len(parts)))
        barriers = [(Barrier(arrived[0], rounds[k], full.T, k),) for k in range(len(parts))]
        calls = [(*part.arguments(), barriers[k], due[k], self.step, stop, apart) for k, part in enumerate(parts)]
        (reached,) = set(self._of_each(self._code.run, calls))
        return reached

    def _of_each(self, function: Callable[..., Any], calls: Iterable[tuple]) -> list[Any]:
        """What the calls return, at once where there are threads."""
        if self._pool is None:
            return [function(*arguments) for arguments in calls]
        return [future.result() for future in [self._pool.submit(function, *arguments) for arguments in calls]]

    def _drain(self) -> dict[str, np.ndarray]:
        """The (2, spikes) steps and units logged since the last time; the logs are empty afterwards."""
        chunks = {}
        for key in self.network.neurons:
            logs = []
            for part in self.network.parts:
                p = part.populations[key]
                logs.append(p.log[:, : p.logged[0]].copy())
                p.logged[0] = 0
            chunks[key] = np.concatenate(logs, axis=1)
            if len(logs) > 1:
                step, unit = chunks[key]
                # One key sorts in a third of the time of two, and each log is in order: a stable sort merges them.
                both = np.sort(step.astype(np.int64) << 32 | unit, kind="stable")
                chunks[key] = np.stack([both >> 32, both & 0xFFFFFFFF]).astype(step.dtype)
        return chunks

    def _end_window(self) -> None:
        """Slow rules act: first those of synapses, then those of neurons, which see the same spike counts."""
        network, t = self.network, self.step - 1
        for name, p in self.model.projections.items():
            slow = network.slow[name]
            if slow or self.step % network.flush_every == 0:
                n = network.neurons[p.target].n
                scale, shift = np.ones(n), np.zeros(n)
                for rule in slow.values():
                    change = rule.rule.adapt(self._window(p.target, rule, name, scale, shift))
                    if change is not None:
                        scale, shift = scale * change[0], shift * change[0] + change[1]
                self._rescale(name, t, scale, shift)
        for name, neurons in network.neurons.items():
            for rule in neurons.slow.values():
                rule.rule.adapt(self._window(name, rule))
            neurons.counts[:] = 0

    def _begin(self) -> None:
        """Slow rules that refer to how things were look at them before the first step."""
        for name, p in self.model.projections.items():
            for rule in self.network.slow[name].values():
                if hasattr(rule.rule, "begin"):
                    rule.rule.begin(self._window(p.target, rule, name))

    def _window(self, population: str, rule: Slow, projection: str = "", scale: Any = 1.0, shift: Any = 0.0) -> Window:
        """scale, shift: what other rules do to the weights at the end of this window."""
        neurons, tau = self.network.neurons[population], rule.tau_detector
        seconds = self.network.grid.window * self.network.grid.dt
        counts = neurons.counts[: neurons.n]
        rate = counts / seconds if tau is None else self._detected(population, tau) / tau

        def incoming() -> tuple[np.ndarray, np.ndarray]:
            total, number = self._incoming(projection, neurons.n)
            return total * scale + number * shift, number

        return Window(
            *(self.step, seconds * rule.speed, rate, counts, neurons.state, neurons.kernel, neurons.position, neurons.extent),
            incoming,
            neurons.input_gain,
            self.network.wiring(projection, self.step) if projection else None,
        )

    def _detected(self, population: str, tau: float) -> np.ndarray:
        found = []
        for part in self.network.parts:
            p = part.populations[population]
            trace = p.detectors[self.network.neurons[population].detectors.index(tau)].trace
            found.append(levels(trace, self.step - 1)[: p.counts.size])
        return np.concatenate(found).astype(float)

    def _incoming(self, projection: str, n: int) -> tuple[np.ndarray, np.ndarray]:
        self._rescale(projection, max(self.step - 1, 0), np.ones(n), np.zeros(n))  # so that no weight has a debt
        total, number = np.zeros(n), np.zeros(n, np.int64)
        held = [part.projections[projection] for part in self.network.parts]
        cuts = [(total[mine], number[mine]) for mine in self._targets(projection)]
        self._of_each(self._code.add_up, [(p, *cut) for p, cut in zip(held, cuts, strict=True)])
        return total, number

    def _rescale(self, projection: str, t: int, scale: np.ndarray, shift: np.ndarray) -> None:
        if not hasattr(self.network.parts[0].projections[projection], "rescale"):
            return  # a call would do nothing, and costs as much as a hundred steps of a small network
        dtype, held = self.network.grid.dtype, [part.projections[projection] for part in self.network.parts]
        cuts = [(scale[mine].astype(dtype), shift[mine].astype(dtype)) for mine in self._targets(projection)]
        self._of_each(self._code.rescale, [(p, t, *cut) for p, cut in zip(held, cuts, strict=True)])

    def _targets(self, projection: str) -> Iterator[slice]:
        """The target neurons of each part of a projection."""
        start = 0
        for part in self.network.parts:
            stop = start + part.populations[self.model.projections[projection].target].counts.size
            yield slice(start, stop)
            start = stop

    def _check(self) -> None:
        """Stop where the state is not finite any more, or a neuron gets more input than its step can take."""
        for part in self.network.parts:
            for key, p in part.populations.items():
                n, offset = p.counts.size, int(p.spikes.start[p.part])
                changed = [(field, getattr(p.kernel, field)) for field in sorted(self.network.make.changed(key))]
                for quantity, values in [*zip(type(p.state)._fields, p.state, strict=True), *changed]:
                    if not np.isfinite(values[:n].sum()):
                        self._refuse(quantity, f"unit {key}", offset, values[:n], ~np.isfinite(values[:n]))
                limit = getattr(type(p.kernel), "largest_input", None)
                if limit is not None:
                    total = sum(inputs(c, self.step)[:n] for c in p.channels)
                    most = cut(limit(p.kernel), 0, n)
                    is_over = ~(total <= most)
                    if is_over.any():
                        what = f"synaptic input of a step (limit {np.min(most):g})"
                        self._refuse(what, f"unit {key}", offset, np.asarray(total), is_over)
        held = [(key, p) for part in self.network.parts for key, p in part.projections.items() if np.ndim(p.weight)]
        totals = self._of_each(np.sum, [(projection.weight,) for _, projection in held])
        for (key, projection), total in zip(held, totals, strict=True):
            if not np.isfinite(total):
                values = weights(projection)
                self._refuse("weight", f"projection {key}, synapse ", 0, values, ~np.isfinite(values))

    def _refuse(self, quantity: str, where: str, offset: int, values: np.ndarray, is_wrong: np.ndarray) -> None:
        if is_wrong.any():
            i = int(np.flatnonzero(is_wrong)[0])
            raise SimulationError(
                f"{self._label}: by {self.step * self.network.grid.dt:g} s the {quantity} of {where}{offset + i} has become "
                f"{values[i]:g}: a time step this long or an input this strong is unstable; make dt smaller, or weights, "
                f"gains and learning rates weaker"
            )


def _times(protocol: Any) -> list[float]:
    """When a protocol changes the network [s]."""
    return list(protocol.times()) if hasattr(protocol, "times") else []


def _between(chunks: list[np.ndarray], begin: int, stop: int) -> np.ndarray:
    """The (2, spikes) steps and units from `begin` to `stop`; later chunks hold later spikes."""
    recent = [np.zeros((2, 0), np.int64)]
    for chunk in reversed(chunks):
        recent.append(chunk)
        if chunk.shape[1] and chunk[0, 0] < begin:
            break
    found = np.concatenate(recent[::-1], axis=1)
    return found[:, (found[0] >= begin) & (found[0] < stop)]


def _told(value: float) -> str:
    """Three digits or all before the point: a slow run has a speed, too."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _next(step: int, every: int) -> int:
    return (step // every + 1) * every
