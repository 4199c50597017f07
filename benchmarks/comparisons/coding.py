"""Decoding with a thousand permutations, and likenesses of populations. Elephant has none of them."""

import time

import numpy as np

from homeoanalysis.numerics import decoding, representations


def decoding_permutations() -> str:
    """500 units, 1000 trials of 7 stimuli, nested cross-validation of the labels and of 1000 permutations."""
    rng = np.random.default_rng(1)
    label = rng.permutation(np.arange(1000) % 7)
    response = rng.poisson(3 + 0.5 * rng.uniform(size=(7, 500))[label]).astype(float)
    fold = decoding.folds(label, "time").fold
    labels = np.concatenate([label[None], decoding.shuffled(label, fold, 1000, rng)])
    began, cpu = time.perf_counter(), time.process_time()
    found = decoding.accuracy(response, labels, fold)
    return (
        f"500 units x 1000 trials x 7 stimuli, 1000 permutations: {time.perf_counter() - began:.1f} s, "
        f"{time.process_time() - cpu:.1f} CPU s (wanted 60 s); accuracy {found[0]:.2f}, shuffled {found[1:].mean():.3f}"
    )


def similarities() -> str:
    """Alignment and distances of two codes of 1000 units, 20 stimuli, 20 trials of each."""
    rng = np.random.default_rng(1)
    label = rng.permutation(np.arange(400) % 20)
    first, second = (rng.poisson(3 + rng.uniform(size=(20, 1000))[label]).astype(float) for _ in range(2))
    told = []
    for name, compared in (("alignment", representations.halves), ("distances", representations.crossnobis)):
        began = time.process_time()
        both = [compared(one, label) for one in (first, second)]
        (representations.cka if name == "alignment" else representations.rank_correlation)(*both)
        told.append(f"{name} {time.process_time() - began:.2f} CPU s")
    return f"1000 units x 400 trials of 20 stimuli, twice: {', '.join(told)} (wanted 2 s)"
