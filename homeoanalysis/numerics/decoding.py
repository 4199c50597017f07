"""Which stimulus was shown, told from the responses of single trials: nested cross-validation in blocks of time.

The decoder is linear discriminant analysis with equal priors, its within-class covariance shrunk towards a multiple of the
identity. Of all labellings of the same trials the decompositions are shared: the total covariance does not know the labels,
and the within-class one differs from it by a matrix of rank classes - 1 (Woodbury's identity). So a thousand
permutations, each with its own choice of the shrinkage, are matrix products.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
Mask = NDArray[np.bool_]
FoldKind = Literal["time", "repeats"]

FOLDS = 5
_RIDGES = (0.01, 0.1, 1.0, 10.0)  # in units of the mean variance of a feature; the largest is a nearest centroid
_FEWEST = 2  # trials of each label that a decoder learns from
_CHUNK = 256  # labellings at a time


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
        mean, size = train.mean(axis=0), train.std(axis=0)
        varies = size > 1e-9 * np.abs(mean)
        train, test = ((x[:, varies] - mean[varies]) / size[varies] for x in (train, test))
        left, singular, right = np.linalg.svd(train, full_matrices=False)
        kept = singular > 1e-9 * singular.max(initial=1.0)
        self.left, self.singular, self.projected = left[:, kept], singular[kept], test @ right[kept].T

    def predict(self, label: Labels, n_labels: int) -> NDArray[np.int8]:
        """Labels (ridge, labelling, test trial), from labels of the training trials (labelling, trial).

        Each labelling has the same number of trials of each label.
        """
        n = label.shape[1]
        count = np.bincount(label[0], minlength=n_labels).astype(float)
        means = np.empty((label.shape[0], n_labels, self.singular.size))  # of each class, in the axes of the trials
        for k in range(n_labels):
            means[:, k] = (label == k) @ (self.left * self.singular) / count[k]
        shape = (label.shape[0], len(self.projected))
        found = np.zeros((len(_RIDGES), *shape), np.int8)
        score, best = np.empty((2, *shape))
        for told, ridge in zip(found, _RIDGES, strict=True):
            inverse = 1 / (self.singular**2 / n + ridge)
            between = np.matmul(means * inverse, means.transpose(0, 2, 1))
            back = np.linalg.inv(np.eye(n_labels) - between * (count / n))
            offset = np.einsum("pij,pji->ip", back, between) / 2
            axes = np.matmul(back, means).transpose(1, 0, 2)
            tested = (self.projected * inverse).T
            np.matmul(axes[0], tested, out=best)
            best -= offset[0, :, None]
            for k in range(1, n_labels):  # the first of the highest; argmax takes longer over so few
                np.matmul(axes[k], tested, out=score)
                score -= offset[k, :, None]
                told += (score > best) * (np.int8(k) - told)
                np.maximum(best, score, out=best)
        return found


def accuracy(response: Floats, label: Labels, fold: Labels) -> Floats:
    """Balanced accuracy of each labelling (labelling, trial) of the same responses (trial, feature).

    The shrinkage of each fold is that which decodes the other folds best, each left out in its turn; of equal ones the largest.
    Each fold holds as many trials of each label in all labellings.
    """
    chunks = [label[k : k + _CHUNK] for k in range(0, label.shape[0], _CHUNK)]
    n_folds, n_labels = int(fold.max()) + 1, int(label.max()) + 1
    weight = 1 / (n_labels * np.bincount(label[0], minlength=n_labels))
    scored = [np.zeros((n_folds, len(_RIDGES), part.shape[0])) for part in chunks]
    for f in range(n_folds):
        for g in range(f):
            learnt, tested = (fold != f) & (fold != g), (fold == f) | (fold == g)
            decoder = Decoder(response[learnt], response[tested])
            for part, score in zip(chunks, scored, strict=True):
                hit, true = _hits(decoder, part, learnt, tested)
                share = weight.take(true)
                for one, other in ((f, g), (g, f)):
                    score[one] += np.einsum("rlt,lt->rl", hit, share * (fold[tested] == other))
    total = [np.zeros(part.shape[0]) for part in chunks]
    for f in range(n_folds):
        decoder = Decoder(response[fold != f], response[fold == f])
        for part, score, each in zip(chunks, scored, total, strict=True):
            hit, true = _hits(decoder, part, fold != f, fold == f)
            right = np.einsum("rlt,lt->rl", hit, weight.take(true))
            last = len(_RIDGES) - 1 - np.argmax(np.round(score[f][::-1], 12), axis=0)
            each += right[last, np.arange(part.shape[0])]
    return np.minimum(np.concatenate(total), 1.0)  # where all are decoded, shares add up to 1 but for rounding


def transferred(train: Floats, label: Labels, fold: Labels, test: Floats) -> Labels:
    """Labels of `test` (trial, feature), by a decoder that knows only the trials of `train`, its shrinkage too."""
    weight = 1 / np.bincount(label)
    score = np.zeros(len(_RIDGES))
    for f in range(int(fold.max()) + 1):
        decoder = Decoder(train[fold != f], train[fold == f])
        hit, true = _hits(decoder, label[None], fold != f, fold == f)
        score += hit[:, 0] @ weight[true[0]]
    best = len(_RIDGES) - 1 - int(np.argmax(np.round(score[::-1], 12)))
    return Decoder(train, test).predict(label[None], weight.size)[best, 0].astype(np.intp)


def told(response: Floats, label: Labels, fold: Labels) -> Labels:
    """Labels of all trials, each fold by a decoder that knows only the others."""
    found = np.empty_like(label)
    for f in range(int(fold.max()) + 1):
        learnt = fold != f
        found[~learnt] = transferred(response[learnt], label[learnt], fold[learnt] - (fold[learnt] > f), response[~learnt])
    return found


def _hits(decoder: Decoder, label: Labels, learnt: Mask, tested: Mask) -> tuple[Mask, NDArray[np.int8]]:
    """Whether each tested trial was decoded rightly (ridge, labelling, trial), and its label (labelling, trial)."""
    true = label.compress(tested, axis=1).astype(np.int8)  # unlike an index, `compress` keeps rows together in memory
    return decoder.predict(label.compress(learnt, axis=1), int(label.max()) + 1) == true, true


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
