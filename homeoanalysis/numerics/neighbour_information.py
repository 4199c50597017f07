"""Mutual information of two continuous quantities, from the distances between neighbouring samples."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def nearest_neighbour_information(x: Floats, y: Floats, neighbours: int = 3) -> float:
    """Mutual information of samples (sample) of x and y [bit]; its mean is 0 for unrelated ones, so that it can be negative.

    Both are scaled to unit variance; the estimate does not depend on any scale, but where samples are few. NaN with no more
    samples than neighbours, or where one is constant. Not scikit-learn's, which cuts negative values off, and so finds
    information in nothing. Source: Kraskov, Stögbauer & Grassberger 2004, doi:10.1103/PhysRevE.69.066138, algorithm 1.
    """
    from scipy import spatial, special  # here, since the config check need not pay

    n = x.size
    if n <= neighbours or x.std() == 0 or y.std() == 0:
        return np.nan
    scaled = [(v - v.mean()) / v.std() for v in (x, y)]
    joint = spatial.cKDTree(np.stack(scaled, axis=1))
    distance = np.asarray(joint.query(joint.data, k=neighbours + 1, p=np.inf)[0])[:, -1]
    reach = np.nextafter(distance, 0)  # nearer than the neighbour, which itself is at this distance along x or y
    # How many samples are so near along each, with the sample itself.
    near = [spatial.cKDTree(v[:, None]).query_ball_point(v[:, None], reach, return_length=True) for v in scaled]
    mean = sum(np.mean(special.digamma(k)) for k in near)
    return float((special.digamma(neighbours) + special.digamma(n) - mean) / np.log(2))
