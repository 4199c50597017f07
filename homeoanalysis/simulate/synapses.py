"""The synapses of a network and their weights, in one order whatever the number of its parts."""

from typing import Any

import numpy as np

from homeoanalysis.simulate.network import Network
from homeoanalysis.simulate.projections import rows, weights
from homeoanalysis.simulate.projections.hooks import ChangingRows


class Synapses:
    """A look at the projections of a network; it changes nothing."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._orders: dict[str, np.ndarray] = {}  # by projection

    def is_changing(self, projection: str) -> bool:
        """Whether synapses of the projection come and go."""
        return isinstance(getattr(self._network.parts[0].projections[projection], "rows", None), ChangingRows)

    def ends(self, projection: str) -> tuple[np.ndarray, np.ndarray]:
        """The source and the target neuron of each synapse, as it is now."""
        source, target = self._network.synapses(projection)
        order = self._order(projection)
        return source[order], target[order]

    def weights(self, projection: str) -> np.ndarray:
        """The weight of each synapse, in the order of `ends`."""
        return np.asarray(self.unordered(projection)[self._order(projection)])

    def unordered(self, projection: str) -> np.ndarray:
        """The weights part by part: for what does not ask whose they are."""
        return np.concatenate([weights(part.projections[projection]) for part in self._network.parts])

    def numbers(self, projection: str) -> np.ndarray:
        """How many synapses there are between each two neurons, source by source."""
        source, target = self._network.ends(projection)
        number = np.zeros((self._network.neurons[source].n, self._network.neurons[target].n), np.int16)
        np.add.at(number, self._network.synapses(projection), 1)
        return number.ravel()

    def sampled(self, projection: str, sample: int | None, n: int) -> np.ndarray:
        """The indices of `sample` synapses that are recorded among the n of a projection; None: all."""
        if sample is None or sample >= n:
            return np.arange(n)
        return np.sort(self._network.make.stream("recorded synapses", projection).choice(n, sample, replace=False))

    def _order(self, projection: str) -> Any:
        """What brings the synapses of all parts into the order that they have in one part, by rows."""
        if len(self._network.parts) == 1:
            return slice(None)
        if projection not in self._orders:
            row = np.concatenate([rows(part.projections[projection]) for part in self._network.parts])
            self._orders[projection] = np.lexsort((self._network.synapses(projection)[1], row))
        return self._orders[projection]
