"""Loops of metrics that are compiled do as machine code what they do as Python."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats

from homeoanalysis.numerics import decoding, jitter, observed, rates, scaling, synthetic, trials, words
from homeoanalysis.provenance import rng_for


def of_decoding(rng: np.random.Generator) -> Any:
    label = np.arange(45) % 3
    fold = decoding.folds(label, "time").fold
    every = np.concatenate([label[None], decoding.shuffled(label, fold, 5, rng)])
    return decoding.accuracy(rng.poisson(np.array([2.0, 4.0, 7.0])[label][:, None], (45, 4)).astype(float), every, fold)


def of_jitter(rng: np.random.Generator) -> Any:
    trial = np.arange(60) // 3
    spikes = jitter.Spikes(rng.normal(0.1, 3e-3, 60), trial, trial % 2)
    near = jitter.Coincidences(spikes, 4e-3, 0.2)
    return [*jitter.fit(spikes, 0.015), near.found(), *near.moved(0.015, 5, rng)]


def of_rates(rng: np.random.Generator) -> Any:
    """Ranks against scipy's, too: with ties, a row with NaN, and single values. Spikes in bins of which gaps lie in some."""
    values = rng.integers(0, 6, (2, 5, 9)).astype(float)
    values[0, 1, 3] = np.nan
    for each in (values, rng.normal(size=(3, 8)), values[..., :1]):
        np.testing.assert_array_equal(rates._ranks(each), stats.rankdata(each, axis=-1))
    one = synthetic.activity([synthetic.poisson_train(5.0, 20.0, rng) for _ in range(3)], 20.0)
    one = observed.restrict(one, np.array([0.0, 9.25, 9.5, 12.0]), np.array([6.1, 9.5, 11.0, 20.0]))  # two that touch
    return [*rates.spearman(values[0], values[1]), *np.concatenate(rates.of_whole_bins(one, "whole", 0.25))]


def of_scaling(rng: np.random.Generator) -> Any:
    cells = [[10 * rng.lognormal(0, 0.5, 8) for _ in range(n)] for n in (5, 6)]
    return scaling.multiplied(*cells, 5.0, rng, draws=20)


def of_trials(rng: np.random.Generator) -> Any:
    return trials.counts(synthetic.stimulated(np.array([2.0, 5.0]), 10, rng), 0.02, 0.1, 0.02).spikes


def of_words(rng: np.random.Generator) -> Any:
    count, stimulus = rng.poisson(0.5, (16, 12)), np.arange(16) % 2
    found = words.entropies(count, stimulus, 3, rng)
    return [*found.total, *found.noise, found.trials_per_word, words.plug_in(words.turned(count, rng), stimulus, 2)]


CASES: dict[ModuleType, Callable[[np.random.Generator], Any]] = {
    decoding: of_decoding,
    jitter: of_jitter,
    rates: of_rates,
    scaling: of_scaling,
    trials: of_trials,
    words: of_words,
}


@pytest.mark.slow
@pytest.mark.parametrize("module", CASES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_machine_code_does_what_python_does(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = CASES[module](rng_for(1, "compiled", module.__name__))
    loops = {name: thing.plain for name, thing in vars(module).items() if hasattr(thing, "plain")}
    assert loops
    for name, plain in loops.items():
        monkeypatch.setattr(module, name, plain)
    np.testing.assert_allclose(machine, CASES[module](rng_for(1, "compiled", module.__name__)), rtol=1e-12)
