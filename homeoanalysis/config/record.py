"""What a model's run writes down: `record:` in `config/models/<name>.yaml`."""

from typing import Annotated

from pydantic import Field

from homeoanalysis.config.fields import Name, Strict
from homeoanalysis.units import Metre, Second

Positive = Annotated[Second, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class TraceRecord(Strict):
    """A state variable or a synaptic input of some neurons."""

    population: Name
    variable: str = Field(description="a state variable of the neuron (v, drive, ...) or one of its channels")
    units: int = Field(ge=1, description="the first so many neurons")
    every: Positive = Field(description="time between two samples")


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
    lfp_proxy: LfpProxy | None = None
    weights: WeightRecord | None = None
    blindness: Blindness | None = None
