"""What a model's run writes down: `record:` in `config/models/<name>.yaml`."""

from typing import Annotated, TypeGuard

import numpy as np
from pydantic import BeforeValidator, Field, WithJsonSchema

from homeoanalysis.config.fields import Name, Strict
from homeoanalysis.units import Metre, Second, parse, with_unit

Positive = Annotated[Second, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
_MOST_BINS = 10_000


def _units(value: object) -> int | tuple[int, ...]:
    if isinstance(value, list | tuple):
        numbers = tuple(k for k in value if _is_whole(k))
        if len(numbers) < len(value) or numbers != tuple(sorted(set(numbers))) or not numbers:
            raise ValueError(f"is {list(value)!r}; number neurons from 0 on, each once and in ascending order, e.g. [0, 17, 399]")
        return numbers
    if not _is_whole(value) or value == 0:
        raise ValueError(f"is {value!r}; write how many neurons, e.g. 3, or which, e.g. [0, 17, 399]")
    return value


def _bins(value: object) -> int | tuple[str, ...]:
    if isinstance(value, list | tuple):
        if len(value) < 2:
            raise ValueError(f"is {list(value)!r}; write two edges or more, e.g. [0 nS, 0.5 nS, 1 nS]")
        return tuple(str(with_unit(edge)) for edge in value)
    if not _is_whole(value) or not 1 <= value <= _MOST_BINS:
        how = f"how many bins there are from 0 to weight_max, 1 to {_MOST_BINS}, or their edges, e.g. [0 nS, 0.5 nS, 1 nS]"
        raise ValueError(f"is {value!r}; write {how}")
    return value


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_ONE_OR_MORE = WithJsonSchema({"type": ["integer", "array"]})
Units = Annotated[int | tuple[int, ...], BeforeValidator(_units), _ONE_OR_MORE]
Bins = Annotated[int | tuple[str, ...], BeforeValidator(_bins), _ONE_OR_MORE]


class TraceRecord(Strict):
    """Something of some neurons that changes in time."""

    population: Name
    variable: str = Field(
        description="a state variable of the neuron (v, drive, ...), a channel, what a rule of the population changes "
        "(v_threshold, input_gain, ...), or the rate that a rule sees with its tau_rate (RULE.rate, PROJECTION.RULE.rate)"
    )
    units: Units = Field(description="the first so many neurons, or a list of their numbers")
    every: Positive = Field(description="time between two samples")

    @property
    def chosen(self) -> np.ndarray:
        """The numbers of the neurons, ascending."""
        return np.arange(self.units) if isinstance(self.units, int) else np.array(self.units, int)


class RateRecord(Strict):
    """Spikes in bins, of all neurons, whatever `units` and `blindness` hide; bins that the run does not fill are left out."""

    populations: list[Name] = Field(min_length=1)
    every: Positive = Field(description="length of a bin")


class LfpProxy(Strict):
    """Stand-ins for the local field potential, one for each population (Mazzoni et al. 2015, PLoS Comput Biol 11:e1004584).

    Mean over its neurons of |excitatory(t - delay)| + ratio |inhibitory(t)|, both as drive [V].
    """

    populations: Annotated[list[Name], Field(min_length=1)]
    every: Positive = 0.001
    delay: Annotated[Second, Field(ge=0)] = 0.006
    ratio: Annotated[float, Field(ge=0)] = 1.65


class WeightRecord(Strict):
    """Snapshots of weights; of a projection whose synapses come and go, of all synapses of a neuron onto another together."""

    projections: list[Name] = Field(min_length=1)
    every: Positive
    sample: int | None = Field(
        default=None, ge=1, description="synapses of each projection, drawn at random; all of them if unset"
    )


class WeightDistributions(Strict):
    """Histograms of the weights of all synapses; their number, mean, standard deviation, quantiles, and parts at the bounds."""

    projections: list[Name] = Field(min_length=1)
    every: Positive
    bins: Bins = Field(
        default=50, description="so many of equal width from 0 to the projection's weight_max, or their edges; the last is closed"
    )

    def edges(self, weight_max: str | None, unit: str) -> np.ndarray:
        """The edges of the bins of a projection whose weights have the unit, in SI. Raises ValueError."""
        if isinstance(self.bins, int):
            if weight_max is None:
                raise ValueError(f"is {self.bins}, but a projection has no weight_max that bins could end at; write their edges")
            top = parse(weight_max, unit)
            if top == 0:
                raise ValueError(f"is {self.bins}, but weight_max is {weight_max!r}, so that bins have no width; raise it")
            return np.linspace(0.0, top, self.bins + 1)
        edges = np.array([parse(edge, unit) for edge in self.bins])
        if not np.all(np.diff(edges) > 0):
            raise ValueError(f"is [{', '.join(self.bins)}]; edges increase from each to the next")
        return edges


class Electrodes(Strict):
    """A square grid of electrodes over the torus that the neurons lie on."""

    pitch: Annotated[Metre, Field(gt=0)]
    reach: Annotated[Metre, Field(gt=0)] = Field(description="an electrode hears the neurons that are nearer than this")
    is_sorted: bool = Field(default=True, description="no: all neurons of an electrode make one multi-unit")


class Blindness(Strict):
    """What a rig does not see of the spikes; every loss is counted in `bookkeeping`."""

    electrodes: Electrodes | None = None
    missed: Fraction = Field(default=0.0, description="of the spikes: below threshold")
    swapped: Fraction = Field(default=0.0, description="of the spikes: given to another unit of the population by the sorter")
    lost: Fraction = Field(default=0.0, description="of the units: gone from a random session on")
    session: Positive | None = Field(default=None, description="length of a session; needed by `lost`")


class Record(Strict):
    """What is written down besides all spikes of all neurons."""

    units: dict[Name, Annotated[int, Field(ge=0)]] = Field(
        default={}, description="population: record so many of its neurons, drawn at random; 0: none"
    )
    traces: dict[Name, TraceRecord] = Field(default={}, description="by a name of your choice")
    population_rate: RateRecord | None = Field(default=None, description="mean over the neurons of each population")
    unit_rate: RateRecord | None = Field(default=None, description="of each neuron")
    lfp_proxy: LfpProxy | None = None
    weights: WeightRecord | None = None
    weight_distributions: WeightDistributions | None = None
    blindness: Blindness | None = None

    def rates(self) -> dict[str, RateRecord]:
        """The records of rates, by the signal that each makes."""
        found = {"population_rate": self.population_rate, "unit_rate": self.unit_rate}
        return {key: record for key, record in found.items() if record is not None}

    def intervals(self) -> dict[str, float]:
        """The time between two samples of all that is sampled [s], by its key."""
        found = {f"traces.{key}.every": trace.every for key, trace in self.traces.items()}
        return found | {f"{key}.every": record.every for key, record in self._sampled().items()}

    def lists(self) -> dict[str, list[str]]:
        """The populations and the projections that records list, by their key."""
        ends, records = ("populations", "projections"), self._sampled().items()
        return {f"{key}.{end}": getattr(record, end) for key, record in records for end in ends if hasattr(record, end)}

    def _sampled(self) -> dict[str, RateRecord | LfpProxy | WeightRecord | WeightDistributions]:
        keys = ("population_rate", "unit_rate", "lfp_proxy", "weights", "weight_distributions")
        return {key: record for key in keys if (record := getattr(self, key)) is not None}
