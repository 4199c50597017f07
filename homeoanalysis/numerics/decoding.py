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
_CHUNK = 200  # labellings at a time


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
        shown = (label[:, None, :] == np.arange(n_labels)[:, None]) / count[:, None]  # (labelling, class, trial)
        means = shown.reshape(-1, n) @ self.left * self.singular  # of each class, in the axes of the trials
        of_class = means.reshape(label.shape[0], n_labels, self.singular.size)
        found = np.empty((len(_RIDGES), label.shape[0], self.projected.shape[0]), np.int8)
        for r, ridge in enumerate(_RIDGES):
            inverse = 1 / (self.singular**2 / n + ridge)
            between = np.matmul(of_class * inverse, of_class.transpose(0, 2, 1))
            linear = (means @ (self.projected * inverse).T).reshape(label.shape[0], n_labels, -1)
            back = np.linalg.inv(np.eye(n_labels) - between * (count / n))
            offset = np.einsum("pij,pji->pi", back, between) / 2
            found[r] = np.argmax(back @ linear - offset[:, :, None], axis=1)
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
                hit = _hits(decoder, part, learnt, tested, weight)
                score[f] += hit[:, :, fold[tested] == g].sum(axis=2)
                score[g] += hit[:, :, fold[tested] == f].sum(axis=2)
    total = [np.zeros(part.shape[0]) for part in chunks]
    for f in range(n_folds):
        decoder = Decoder(response[fold != f], response[fold == f])
        for part, score, each in zip(chunks, scored, total, strict=True):
            hit = _hits(decoder, part, fold != f, fold == f, weight).sum(axis=2)
            last = len(_RIDGES) - 1 - np.argmax(np.round(score[f][::-1], 12), axis=0)
            each += hit[last, np.arange(part.shape[0])]
    return np.minimum(np.concatenate(total), 1.0)  # where all are decoded, shares add up to 1 but for rounding


def transferred(train: Floats, label: Labels, fold: Labels, test: Floats) -> Labels:
    """Labels of `test` (trial, feature), by a decoder that knows only the trials of `train`, its shrinkage too."""
    weight = 1 / np.bincount(label)
    score = np.zeros(len(_RIDGES))
    for f in range(int(fold.max()) + 1):
        score += _hits(Decoder(train[fold != f], train[fold == f]), label[None], fold != f, fold == f, weight).sum(axis=(1, 2))
    best = len(_RIDGES) - 1 - int(np.argmax(np.round(score[::-1], 12)))
    return Decoder(train, test).predict(label[None], weight.size)[best, 0].astype(np.intp)


def told(response: Floats, label: Labels, fold: Labels) -> Labels:
    """Labels of all trials, each fold by a decoder that knows only the others."""
    found = np.empty_like(label)
    for f in range(int(fold.max()) + 1):
        learnt = fold != f
        found[~learnt] = transferred(response[learnt], label[learnt], fold[learnt] - (fold[learnt] > f), response[~learnt])
    return found


def _hits(decoder: Decoder, label: Labels, learnt: Mask, tested: Mask, weight: Floats) -> Floats:
    """(ridge, labelling, tested trial): the trial's share of the balanced accuracy where it was decoded rightly, else 0."""
    found = decoder.predict(label[:, learnt], weight.size)
    true = label[:, tested]
    return (found == true) * weight[true]


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
