"""Whether the inhibitory input of neurons matches the excitatory one."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import synthetic_signals
from homeoanalysis.numerics.stretches import stretches

Floats = NDArray[np.float64]
_RATE, _SAMPLES, _NEURONS = 200.0, 8000, 6
_RATIO, _SHARED = 3.0, 0.6


def _truth(rng: np.random.Generator) -> Truth:
    """Six neurons whose inhibition is three times their excitation, both Gaussian, with the correlation 0.6."""
    common = rng.normal(size=(_NEURONS, _SAMPLES))
    noise = rng.normal(size=(2, _NEURONS, _SAMPLES))
    both = 10 + np.sqrt(_SHARED) * common + np.sqrt(1 - _SHARED) * noise
    size = rng.uniform(1, 2, (_NEURONS, 1))
    values = np.concatenate([size * both[0], _RATIO * size * both[1]])
    one = synthetic_signals.with_signal([np.arange(1.0, 9.0)], values, _RATE, kind="state_variable", units="S")
    names = [f"{trace}.E{k}.{trace}" for trace in ("excitatory", "inhibitory") for k in range(_NEURONS)]
    return Truth(one.assign_coords(state_variable_channel=names), _RATIO, {}, {"correlation": _SHARED})


def _unrelated(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Each input of each neuron at a random multiple, from 1/10 to 10, its samples in random order."""
    values = rng.permuted(activity.state_variable.values, axis=1)
    values *= 10 ** rng.uniform(-1, 1, (len(values), 1))
    return activity.assign(state_variable=(activity.state_variable.dims, values, activity.state_variable.attrs))


@metric(
    units="1",
    dims=("channel", "epoch"),
    bounds=(-np.inf, np.inf),
    companions={"correlation": Companion("1", "Correlation of both inputs over time", (-1, 1))},
    source="ratio of the means of inhibitory and excitatory input, and their correlation: Okun & Lampl 2008, doi:10.1038/nn.2105",
    scale="relative",
    truth=_truth,
    surrogate=_unrelated,
    null=surrogate_of(_truth, _unrelated),
    no_worst_case="inputs of any size",
    each_epoch=True,
)
def input_balance(activity: xr.Dataset, *, excitatory: str = "excitatory", inhibitory: str = "inhibitory") -> Mapping[str, Any]:
    """Inhibitory over excitatory input of each neuron, means over time.

    activity: activity/1 with state variables, as the traces `record.traces` of a model are. excitatory, inhibitory: the names of
    two such traces, of the same neurons; conductances for example.
    Returns (channel, epoch), [1], of each neuron in both traces, named after the excitatory one; NaN without any excitation. The
    correlation is NaN for an input that does not vary.
    Raises NotApplicable without state variables, or without a neuron in both traces.
    """
    recorded = stretches(activity, "state_variable")
    if not recorded:
        raise NotApplicable("no state variables in the epoch")
    found: dict[str, dict[str, int]] = {excitatory: {}, inhibitory: {}}
    names = [str(name) for name in activity.state_variable_channel.values]
    for k, name in enumerate(names):
        trace, _, rest = name.partition(".")
        if trace in found:
            found[trace][rest.rpartition(".")[0]] = k
    neurons = [neuron for neuron in found[excitatory] if neuron in found[inhibitory]]
    if not neurons:
        raise NotApplicable(f"no neuron is in both traces, {excitatory!r} and {inhibitory!r}; record both of the same neurons")
    excitation, inhibition = (
        np.concatenate([one.values[[found[trace][neuron] for neuron in neurons]] for one in recorded], axis=1)
        for trace in (excitatory, inhibitory)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(excitation.mean(axis=1) != 0, inhibition.mean(axis=1) / excitation.mean(axis=1), np.nan)
    return {
        "input_balance": ratio,
        "input_balance_correlation": _correlation(excitation, inhibition),
        "coords": {"channel": [names[found[excitatory][neuron]] for neuron in neurons]},
    }


def _correlation(first: Floats, second: Floats) -> Floats:
    """Pearson, of each row."""
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (first, second))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.clip(np.sum(a * b, axis=1) / np.sqrt(np.sum(a**2, axis=1) * np.sum(b**2, axis=1)), -1, 1))
