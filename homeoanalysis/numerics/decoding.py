"""Which stimulus was shown, told from the responses of single trials: nested cross-validation in blocks of time.

The decoder is linear discriminant analysis with equal priors, its within-class covariance shrunk towards a multiple of the
identity. Of all labellings of the same trials the decompositions are shared: the total covariance does not know the labels,
and the within-class one differs from it by a matrix of rank classes - 1 (Woodbury's identity). So a thousand
permutations, each with its own choice of the shrinkage, take little more than their class means and products with the tests.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.compiled import compiled

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
FoldKind = Literal["time", "repeats"]

FOLDS = 5
_RIDGES = (0.01, 0.1, 1.0, 10.0)  # in units of the mean variance of a feature; the largest is a nearest centroid
_FEWEST = 2  # trials of each label that a decoder learns from


class Folded(NamedTuple):
    """Trials in the order of time, and the fold (trial) that each is tested in. reason: why they cannot be folded; else empty."""

    fold: Labels
    reason: str


def folds(label: Labels, kind: FoldKind, n_folds: int = FOLDS) -> Folded:
    """Folds of trials that are in the order of time.

    "time": equal successive parts of the trials. "repeats": of each label by itself, the first repeats of all labels together.
    """
    n = label.size
    fold = np.arange(n) * n_folds // max(n, 1)
    if kind == "repeats":
        for k in np.unique(label):
            mine = np.flatnonzero(label == k)
            fold[mine] = np.arange(mine.size) * n_folds // mine.size
    names, count = np.unique(label, return_counts=True)
    if names.size < 2:
        return Folded(fold, "a single stimulus")
    if count.min() < n_folds:
        return Folded(fold, f"{count.min()} trials of a stimulus, and {n_folds} parts")
    in_fold = np.array([[np.count_nonzero((fold == f) & (label == k)) for k in names] for f in range(n_folds)])
    fewest = (count - in_fold[:, None] - in_fold[None, :])[~np.eye(n_folds, dtype=bool)].min()
    if fewest < _FEWEST:
        return Folded(fold, "a stimulus was shown in few parts of the time only, so that it cannot be told from the time")
    return Folded(fold, "")


def shuffled(label: Labels, fold: Labels, draws: int, rng: np.random.Generator) -> Labels:
    """(draw, trial): labels in another order within each fold, successive trials of one label kept together.

    What labels and slow drift have in common across folds, or within a run of one label, is left as it is.
    """
    found = np.empty((draws, label.size), np.intp)
    for f in np.unique(fold):
        at = np.flatnonzero(fold == f)
        first = np.flatnonzero(np.concatenate([[True], np.diff(label[at]) != 0]))
        length = np.diff(np.append(first, at.size))
        order = rng.permuted(np.tile(np.arange(first.size), (draws, 1)), axis=1)
        found[:, at] = np.repeat(label[at][first][order].ravel(), length[order].ravel()).reshape(draws, at.size)
    return found


class Decoder:
    """What all labellings of the trials that are learnt from have in common.

    train, test: (trial, feature). Features are standardised by the training trials; what does not vary in them is left out.
    """

    def __init__(self, train: Floats, test: Floats) -> None:
        self.n, self.mean = len(train), train.mean(axis=0)
        centred = train - self.mean
        size = np.sqrt(np.mean(centred**2, axis=0))
        varies = size > 1e-9 * np.abs(self.mean)
        scale = 1 / np.where(varies, size, np.inf)
        _, singular, right = np.linalg.svd(centred * scale, full_matrices=False)
        kept = singular > 1e-9 * singular.max(initial=1.0)
        self.axes, self.variance = scale[:, None] * right[kept].T, singular[kept] ** 2 / self.n
        self.tests = np.ascontiguousarray(((test - self.mean) @ self.axes).T)

    def predict(self, mean: Floats, count: Floats) -> NDArray[np.int8]:
        """Labels (ridge, labelling, test trial), from the means of each labelling (labelling, label, feature) in training.

        count: (label), training trials of each label, in every labelling.
        """
        found = np.empty((len(_RIDGES), len(mean), self.tests.shape[1]), np.int8)
        inverse = 1 / (self.variance + np.array(_RIDGES)[:, None])
        _predict((mean - self.mean) @ self.axes, count / self.n, inverse, self.tests, found)
        return found


@compiled
def _predict(mean, share, inverse, tests, found):  # type: ignore[no-untyped-def]
    """The most likely label (ridge, labelling, test) of equal priors; of equal ones the first.

    mean: (labelling, label, axis); share (label) of the trials that they are of; inverse: (ridge, axis), of the shrunk total
    variance; tests: (axis, test).
    """
    n_labels, n_axes, n_tests = share.size, tests.shape[0], tests.shape[1]
    between, back = np.empty((n_labels, n_labels)), np.empty((n_labels, n_labels))
    score, best, told = np.empty(n_tests), np.empty(n_tests), np.empty(n_tests, np.int64)
    for labelling in range(mean.shape[0]):
        for ridge in range(inverse.shape[0]):
            # The variance within labels is the total one less that of the means. Gauss and Jordan's elimination inverts
            # 1 - between share in its place; its pivots are those of a positive definite matrix, so that none is looked for.
            between[:] = 0.0
            for axis in range(n_axes):
                for i in range(n_labels):
                    scaled = mean[labelling, i, axis] * inverse[ridge, axis]
                    for j in range(i + 1):
                        between[i, j] += scaled * mean[labelling, j, axis]
            for i in range(n_labels):
                for j in range(i + 1):
                    between[j, i] = between[i, j]
                    back[i, j], back[j, i] = -between[i, j] * share[j], -between[i, j] * share[i]
                back[i, i] += 1.0
            for pivot in range(n_labels):
                scale = 1 / back[pivot, pivot]
                back[pivot, pivot] = 1.0
                for j in range(n_labels):
                    back[pivot, j] *= scale
                for i in range(n_labels):
                    if i != pivot:
                        factor = back[i, pivot]
                        back[i, pivot] = 0.0
                        for j in range(n_labels):
                            back[i, j] -= factor * back[pivot, j]
            best[:] = 0.0
            told[:] = 0
            for k in range(1, n_labels):  # by how much the score of each is beyond that of the first
                offset = 0.0
                for j in range(n_labels):
                    offset += (back[k, j] * between[j, k] - back[0, j] * between[j, 0]) / 2
                score[:] = -offset
                for axis in range(n_axes):
                    weight = 0.0
                    for j in range(n_labels):
                        weight += (back[k, j] - back[0, j]) * mean[labelling, j, axis]
                    weight *= inverse[ridge, axis]
                    for test in range(n_tests):
                        score[test] += weight * tests[axis, test]
                for test in range(n_tests):  # without a branch, which would be guessed wrongly half of the time
                    told[test] = k if score[test] > best[test] else told[test]
                    best[test] = score[test] if score[test] > best[test] else best[test]
            for test in range(n_tests):
                found[ridge, labelling, test] = told[test]


def accuracy(response: Floats, label: Labels, fold: Labels) -> Floats:
    """Balanced accuracy of each labelling (labelling, trial) of the same responses (trial, feature).

    The shrinkage of each fold is that which decodes the other folds best, each left out in its turn; of equal ones the largest.
    Each fold holds as many trials of each label in all labellings.
    """
    n_folds, n_labels = int(fold.max()) + 1, int(label.max()) + 1
    count = np.array([np.bincount(label[0, fold == f], minlength=n_labels) for f in range(n_folds)], float)
    weight = 1 / (n_labels * count.sum(axis=0))
    parts = [response[fold == f] for f in range(n_folds)]
    labels = [label[:, fold == f].astype(np.int8, order="C") for f in range(n_folds)]
    sums = [_sums(*each, n_labels) for each in zip(parts, labels, strict=True)]

    def shares(*tested: int) -> list[Floats]:
        """(ridge, labelling), of each fold that is tested, by what the others say."""
        learnt = [f for f in range(n_folds) if f not in tested]
        decoder = Decoder(np.concatenate([parts[f] for f in learnt]), np.concatenate([parts[f] for f in tested]))
        n = count[learnt].sum(axis=0)
        told = decoder.predict(sum(sums[f] for f in learnt) / n[:, None], n)
        end = np.cumsum([len(parts[f]) for f in tested])
        return [_share(told[:, :, b - len(parts[f]) : b], labels[f], weight) for f, b in zip(tested, end, strict=True)]

    score = np.zeros((n_folds, len(_RIDGES), label.shape[0]))
    for f in range(n_folds):
        for g in range(f):
            of_f, of_g = shares(f, g)
            score[f] += of_g
            score[g] += of_f
    total = np.zeros(label.shape[0])
    for f in range(n_folds):
        last = len(_RIDGES) - 1 - np.argmax(np.round(score[f][::-1], 12), axis=0)
        total += shares(f)[0][last, np.arange(total.size)]
    return np.minimum(total, 1.0)  # where all are decoded, shares add up to 1 but for rounding


def _sums(response: Floats, label: NDArray[np.integer], n_labels: int) -> Floats:
    """(labelling, label, feature): sums of the responses (trial, feature) of each label, of labellings (labelling, trial)."""
    return np.stack([(label == k).astype(float) @ response for k in range(n_labels)], axis=1)


@compiled
def _share(told, true, weight):  # type: ignore[no-untyped-def]
    """(ridge, labelling): the weights (label) of the trials that are told rightly, summed."""
    found = np.zeros(told.shape[:2])
    for ridge in range(told.shape[0]):
        for labelling in range(told.shape[1]):
            for k in range(weight.size):
                right = 0
                for trial in range(told.shape[2]):
                    right += (told[ridge, labelling, trial] == k) & (true[labelling, trial] == k)
                found[ridge, labelling] += weight[k] * right
    return found


def transferred(train: Floats, label: Labels, fold: Labels, test: Floats) -> Labels:
    """Labels of `test` (trial, feature), by a decoder that knows only the trials of `train`, its shrinkage too."""
    weight = 1 / np.bincount(label)
    score = np.zeros(len(_RIDGES))
    for f in range(int(fold.max()) + 1):
        told = _told(train[fold != f], label[fold != f], train[fold == f], weight.size)
        score += (told == label[fold == f]) @ weight[label[fold == f]]
    best = len(_RIDGES) - 1 - int(np.argmax(np.round(score[::-1], 12)))
    return _told(train, label, test, weight.size)[best].astype(np.intp)


def _told(train: Floats, label: Labels, test: Floats, n_labels: int) -> NDArray[np.int8]:
    """Labels (ridge, trial) of `test`, learnt from `train`."""
    count = np.bincount(label, minlength=n_labels).astype(float)
    return Decoder(train, test).predict(_sums(train, label[None], n_labels) / count[:, None], count)[:, 0]


def told(response: Floats, label: Labels, fold: Labels) -> Labels:
    """Labels of all trials, each fold by a decoder that knows only the others."""
    found = np.empty_like(label)
    for f in range(int(fold.max()) + 1):
        learnt = fold != f
        found[~learnt] = transferred(response[learnt], label[learnt], fold[learnt] - (fold[learnt] > f), response[~learnt])
    return found


def worth(label: Labels, shuffled: Floats) -> float:
    """How many independent trials a balanced accuracy is known from as well, by those of shuffled labels.

    Decoders of different folds share trials, so that without information accuracies scatter more than independent ones.
    """
    count = np.bincount(label)
    n = count.size**2 / np.sum(1 / count)  # of which a share varies as the balanced one does
    by_chance = (1 - 1 / count.size) / count.size
    return float(n / max(float(shuffled.var()) * n / by_chance, 1.0))


def wilson(share: float, n: float, z: float) -> tuple[float, float]:
    """Interval of a share of n independent trials. Source: Wilson 1927, doi:10.1080/01621459.1927.10502953."""
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    width = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, middle - width), min(1.0, middle + width)
