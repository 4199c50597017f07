"""What a run writes down between two calls of the loop: spikes of the recorded neurons, rates in bins, weights."""

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from homeoanalysis.config.model import Model
from homeoanalysis.simulate.network import Network
from homeoanalysis.simulate.synapses import Synapses
from homeoanalysis.simulate.weighing import Weighing, weighing

_NONE = np.zeros((2, 0), np.int32)


class Logbook:
    """The records of a run so far; a checkpoint holds them."""

    def __init__(self, model: Model, network: Network, *, watched: Collection[str] = ()) -> None:
        """watched: populations whose spikes protocols want to see: all of them are kept to the end."""
        self.spikes: dict[str, list[np.ndarray]] = {key: [] for key in network.neurons}  # (2, n) steps and units
        self.snapshots: dict[str, list[np.ndarray]] = {"time": []}  # of weights, by projection
        self.counts: dict[str, dict[str, np.ndarray]] = {}  # signal -> population -> spikes in (bin,) or (bin, neuron)
        self.weighings: dict[str, Weighing] = {}  # by projection
        self.synapses = Synapses(network)
        self._record, self._grid, self._watched = model.record, network.grid, watched
        self._left_out = dict.fromkeys(network.neurons, 0)  # spikes of neurons that are not recorded
        self._is_recorded = {key: np.ones(p.n, bool) for key, p in model.populations.items()}
        for key, n in model.record.units.items():
            every = model.populations[key].n
            chosen = network.make.stream("recorded units", key).choice(every, n, replace=False)
            self._is_recorded[key] = np.isin(np.arange(every), chosen)
        seconds = model.duration or 0.0
        for signal, wanted in model.record.rates().items():
            bins = self.rows(wanted.every, self._steps(seconds))
            sizes = {key: (bins, model.populations[key].n) if signal == "unit_rate" else (bins,) for key in wanted.populations}
            self.counts[signal] = {key: np.zeros(size, np.int32) for key, size in sizes.items()}
        if (weights := model.record.weight_distributions) is not None:
            times = self.rows(weights.every, self._steps(seconds))
            self.weighings = {name: weighing(model, name, times) for name in weights.projections}

    def _steps(self, seconds: float) -> int:
        return round(seconds / self._grid.dt)

    def rows(self, every: float, step: int) -> int:
        """How many samples or whole bins there are by a step."""
        return step // self._steps(every)

    def pauses(self) -> Iterator[int]:
        """The loop must return at every multiple of these steps."""
        for wanted in (self._record.weights, self._record.weight_distributions):
            if wanted is not None:
                yield self._steps(wanted.every)

    def recorded(self, population: str) -> np.ndarray:
        """The numbers of the neurons whose spikes are kept."""
        return np.flatnonzero(self._is_recorded[population])

    def log(self, population: str, spikes: np.ndarray) -> None:
        """Take the (2, n) steps and units of new spikes."""
        step, unit = spikes
        for signal, counts in self.counts.items():
            if population in counts:
                count, place = counts[population], step // self._steps(self._record.rates()[signal].every)
                is_inside = place < len(count)  # the last bin may not be whole
                np.add.at(count, (place[is_inside], unit[is_inside]) if count.ndim == 2 else place[is_inside], 1)
        self.spikes[population].append(spikes if population in self._watched else self._kept(population, spikes))

    def _kept(self, population: str, spikes: np.ndarray) -> np.ndarray:
        """Those of recorded neurons; the others are counted."""
        if self._is_recorded[population].all():
            return spikes
        is_kept = self._is_recorded[population][spikes[1]]
        self._left_out[population] += int((~is_kept).sum())
        return np.asarray(spikes[:, is_kept])

    def close(self) -> int:
        """The run is over; returns how many spikes of neurons that are not recorded were left out."""
        for key in self._watched:
            self.spikes[key] = [self._kept(key, np.concatenate([_NONE, *self.spikes[key]], axis=1))]
        return sum(self._left_out.values())

    def look(self, step: int) -> None:
        """Weights at the end of a step, where they are due."""
        record = self._record
        if record.weights is not None and step % self._steps(record.weights.every) == 0:
            self.snapshots["time"].append(np.array(step * self._grid.dt))
            for name in record.weights.projections:
                if self.synapses.is_changing(name):
                    values = self.synapses.numbers(name)
                else:
                    values = self.synapses.weights(name)
                    values = values[self.synapses.sampled(name, record.weights.sample, values.size)]
                self.snapshots.setdefault(name, []).append(values)
        if record.weight_distributions is not None and step % self._steps(record.weight_distributions.every) == 0:
            row = self.rows(record.weight_distributions.every, step) - 1
            for name, found in self.weighings.items():
                found.take(row, self.synapses.unordered(name))

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that is written down so far, for a checkpoint."""
        held = {f"spikes/{key}": np.concatenate([_NONE, *chunks], axis=1) for key, chunks in self.spikes.items()}
        held |= {f"snapshots/{key}": np.array(values) for key, values in self.snapshots.items()}
        held["left out"] = np.array(list(self._left_out.values()), np.int64)
        return held | dict(self._in_place())

    def restore(self, held: Mapping[str, np.ndarray]) -> None:
        """Take over what `arrays` gave."""
        self.spikes = {key: [held[f"spikes/{key}"]] for key in self.spikes}
        prefix = "snapshots/"
        self.snapshots = {key.removeprefix(prefix): list(held[key]) for key in held if key.startswith(prefix)}
        self._left_out = dict(zip(self._left_out, held["left out"].tolist(), strict=True))
        for key, array in self._in_place():
            array[...] = held[key]

    def _in_place(self) -> Iterator[tuple[str, np.ndarray]]:
        """The arrays that are as large at the start as at the end."""
        for signal, counts in self.counts.items():
            yield from ((f"{signal}/{key}", count) for key, count in counts.items())
        for name, found in self.weighings.items():
            yield from ((f"weighings/{name}/{f}", x) for f, x in found._asdict().items() if isinstance(x, np.ndarray))
