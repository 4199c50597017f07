"""Wiring against the distributions and closed forms of its graph."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import shortest_path
from scipy.special import erf

from homeoanalysis import catalogue
from homeoanalysis.config.model import Model
from homeoanalysis.errors import DataError, SimulationError
from homeoanalysis.numerics.mechanism import Ends
from homeoanalysis.provenance import rng_for
from homeoanalysis.simulate.projections import pairs, weights
from homeoanalysis.simulate.simulation import Simulation
from homeoanalysis.topologies import fixed_in_degree as fixed_in_degree_file


def _matrix(name: str, n_source: int, n_target: int | None = None, extent: float = 1e-3, seed: int = 1, **given: Any) -> Any:
    """Synapses of each pair, and the two populations. One population where n_target is left out."""
    rng = np.random.default_rng(seed)
    source = rng.random((n_source, 2)) * extent
    target = source if n_target is None else rng.random((n_target, 2)) * extent
    ends = Ends(n_source, n_target or n_source, n_target is None, source, target, extent)
    matrix = np.zeros((n_source, ends.n_target), int)
    rows = list(catalogue.load("topologies", name)(rng_for(seed, "wiring"), ends, **given))
    assert len(rows) == n_source
    for j, row in enumerate(rows):
        assert np.all(np.diff(row) >= 0)
        np.add.at(matrix[j], row, 1)
    return matrix, ends


def _is_poissonian(found: np.ndarray, distribution: Any) -> float:
    """p of chi-square of counts against a distribution, in bins that expect ten and more."""
    low, high = distribution.ppf([0.001, 0.999]).astype(int)
    edges = [low]
    for k in range(low, high + 1):
        if found.size * (distribution.cdf(k) - distribution.cdf(edges[-1])) > 10:
            edges.append(k)
    bins = [-1, *edges[1:-1], 10**9]
    expected = found.size * np.diff([distribution.cdf(b) for b in bins])
    observed = np.histogram(found, [b + 0.5 for b in bins])[0]
    return float(stats.chisquare(observed, expected).pvalue)


# ---- fixed in-degree
@pytest.mark.reference(
    "topologies/fixed_in_degree",
    against="in-degree; out-degrees of binomial and hypergeometric draws (chi-square)",
    within="exact; p > 0.001",
)
@pytest.mark.parametrize("block", [10**9, 10**4])
@pytest.mark.parametrize("multapses", [True, False])
def test_in_degrees_are_equal_and_out_degrees_binomial(monkeypatch, multapses, block):
    """Also where the sources come in blocks."""
    monkeypatch.setattr(fixed_in_degree_file, "_AT_ONCE", block)
    monkeypatch.setattr(fixed_in_degree_file, "_PAIRS", block * 10)
    n, degree = 600, 90
    matrix, _ = _matrix("fixed_in_degree", n, in_degree=degree, multapses=multapses)
    assert np.all(matrix.sum(axis=0) == degree)
    assert np.trace(matrix) == 0
    assert (
        _is_poissonian(
            matrix.sum(axis=1), stats.binom(n * degree if multapses else n - 1, 1 / n if multapses else degree / (n - 1))
        )
        > 1e-3
    )
    off = matrix[~np.eye(n, dtype=bool)]
    p = 1 / (n - 1)
    expected = stats.binom.pmf(1, degree, p) if multapses else degree * p
    assert np.mean(off == 1) == pytest.approx(expected, abs=4 * math.sqrt(expected / off.size))
    twice = stats.binom.sf(1, degree, p) if multapses else 0.0
    assert np.mean(off > 1) == pytest.approx(twice, abs=4 * math.sqrt(twice / off.size))
    # Neighbours in a block are independent: sources of two targets overlap as random sets do.
    both = (np.minimum(matrix[:, 0::2], 1) * np.minimum(matrix[:, 1::2], 1)).sum()
    q = (1 - (1 - p) ** degree) if multapses else degree * p
    pairs_of_targets = n / 2 * (n - 2)
    assert both == pytest.approx(q**2 * pairs_of_targets, abs=4 * math.sqrt(q**2 * pairs_of_targets))


@pytest.mark.parametrize(("degree", "multapses"), [(30, False), (39, False), (200, True)])
def test_in_degrees_reach_all_source_neurons(degree, multapses):
    """Dense draws, up to every other neuron."""
    matrix, _ = _matrix("fixed_in_degree", 40, in_degree=degree, multapses=multapses)
    assert np.all(matrix.sum(axis=0) == degree)
    assert np.trace(matrix) == 0
    assert multapses or matrix.max() == 1
    with_self, _ = _matrix("fixed_in_degree", 40, in_degree=degree, multapses=multapses, autapses=True)
    assert np.all(with_self.sum(axis=0) == degree)
    expected = degree / 40 * 40
    assert np.trace(with_self) == pytest.approx(expected, abs=5 * math.sqrt(expected))
    assert np.trace(with_self) > 0
    between, _ = _matrix("fixed_in_degree", 40, 25, in_degree=degree, multapses=multapses)
    assert np.all(between.sum(axis=0) == degree)
    with pytest.raises(SimulationError, match="has 39 others to draw from"):
        _matrix("fixed_in_degree", 40, in_degree=40, multapses=False)


@pytest.mark.slow
def test_every_source_is_drawn_alike_without_multapses():
    """Positions in the block and around the gap: chi-square over the sources that one target draws, over many wirings."""
    number = np.zeros(12)
    for seed in range(400):
        matrix, _ = _matrix("fixed_in_degree", 12, seed=seed, in_degree=8, multapses=False)
        number += matrix[:, 5]
    assert number[5] == 0
    p = 8 / 11
    z = (np.delete(number, 5) - 400 * p) / math.sqrt(400 * p * (1 - p))
    assert np.abs(z).max() < 4


def test_the_test_of_degrees_sees_another_graph():
    """Negative control: independent connections of the same density."""
    matrix, _ = _matrix("fixed_probability", 600, probability=90 / 599)
    assert np.ptp(matrix.sum(axis=0)) > 20
    assert _is_poissonian(matrix.sum(axis=0) // 2, stats.binom(599, 90 / 599)) < 1e-3


# ---- small world
def _clustering(matrix: np.ndarray) -> float:
    """Of the undirected graph: closed fraction of the paths of length two."""
    a = ((matrix + matrix.T) > 0).astype(float)
    paths = (a.sum(axis=0) * (a.sum(axis=0) - 1)).sum()
    return float(np.trace(a @ a @ a) / paths)


def _directed_clustering(matrix: np.ndarray) -> float:
    """Of all pairs of targets of a neuron, in either order, the fraction that is connected."""
    a = matrix.astype(float)
    return float((a * (a @ a)).sum() / (a.sum(axis=1) * (a.sum(axis=1) - 1)).sum())


@pytest.mark.slow
@pytest.mark.reference(
    "topologies/small_world",
    against="clustering 3 (k - 2) / (4 (k - 1)) (1 - p)^3 and path length n / 2k of the ring",
    within="0.01 + 2 %; 2 % at p = 0",
)
@pytest.mark.parametrize("rewiring", [0.0, 0.05, 0.3, 1.0])
def test_small_worlds_have_their_clustering(rewiring):
    n, k = 1000, 20
    matrix, _ = _matrix("small_world", n, neighbours=k, rewiring=rewiring)
    assert np.all(matrix.sum(axis=1) == k)
    assert np.trace(matrix) == 0
    assert matrix.max() == 1
    random = k / n
    expected = 3 * (k - 2) / (4 * (k - 1)) * (1 - rewiring) ** 3
    assert _directed_clustering(matrix) == pytest.approx(
        expected + random * (1 - (1 - rewiring) ** 3), abs=0.01 + 0.02 * expected
    )
    moved = matrix[(np.arange(n)[:, None] - np.arange(n)[None] + n // 2) % n - n // 2 > k // 2].sum()  # half of what moved
    assert moved == pytest.approx(rewiring * n * k / 2, abs=4 * math.sqrt(n * k) + 0.03 * n * k * rewiring / 2)
    length = shortest_path(csr_matrix(matrix), unweighted=True).sum() / (n * (n - 1))
    if rewiring == 0:
        assert length == pytest.approx(n / (2 * k) + 0.5, rel=0.02)
        assert _clustering(matrix) == pytest.approx(expected, rel=1e-12)
    elif rewiring == 1.0:
        assert length == pytest.approx(math.log(n) / math.log(k), rel=0.15)
    else:
        assert length < 0.2 * n / (2 * k)  # short paths long before the clustering is gone


def test_the_test_of_clustering_sees_a_random_graph():
    """Negative control: the same out-degrees, drawn at random."""
    matrix, _ = _matrix("fixed_in_degree", 1000, in_degree=20, multapses=False)
    assert _directed_clustering(matrix.T) < 0.1 * 3 * 18 / (4 * 19) * 0.7**3


def test_small_worlds_of_few_neurons_and_between_populations():
    matrix, _ = _matrix("small_world", 7, neighbours=6, rewiring=1.0)
    assert np.array_equal(matrix, 1 - np.eye(7, dtype=int))  # where all others are taken nothing moves
    matrix, _ = _matrix("small_world", 50, 100, neighbours=10, rewiring=0.0)
    assert np.all(matrix.sum(axis=1) == 10)
    assert matrix[10, 15:25].sum() == 10
    with pytest.raises(SimulationError, match="neighbours is 8, but a neuron has 6"):
        _matrix("small_world", 7, neighbours=8, rewiring=0.0)


# ---- modular, lognormal
@pytest.mark.reference(
    "topologies/modular", against="binomial numbers of connections within and between modules", within="four standard errors"
)
def test_modules_have_their_densities():
    n, modules = 600, 6
    matrix, _ = _matrix("modular", n, modules=modules, within=0.4, between=0.05)
    is_same = np.arange(n)[:, None] * modules // n == np.arange(n)[None] * modules // n
    off = ~np.eye(n, dtype=bool)
    for mask, p in ((is_same & off, 0.4), (~is_same, 0.05)):
        assert matrix[mask].mean() == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / mask.sum()))
    assert np.trace(matrix) == 0
    blocks = matrix.reshape(6, 100, 6, 100).sum(axis=(1, 3))
    assert np.all(np.abs((blocks[~np.eye(6, dtype=bool)] - 500) / math.sqrt(500 * 0.95)) < 4.5)
    control, _ = _matrix("fixed_probability", n, probability=0.108)
    assert abs(control[is_same & off].mean() - 0.4) > 0.2


@pytest.mark.slow
@pytest.mark.reference(
    "topologies/lognormal_degrees",
    against="mean, variance and skewness of binomial numbers around lognormal expectations",
    within="four standard errors",
)
def test_degrees_are_lognormal():
    n, p, cv_in, cv_out = 3000, 0.05, 0.6, 0.3
    matrix, _ = _matrix("lognormal_degrees", n, probability=p, cv_in=cv_in, cv_out=cv_out)
    assert np.trace(matrix) == 0
    for degree, cv in ((matrix.sum(axis=0), cv_in), (matrix.sum(axis=1), cv_out)):
        mean = (n - 1) * p
        # The other side's factors have a mean that differs from 1 by cv / sqrt(n).
        error = mean * math.sqrt((cv_in**2 + cv_out**2) / n)
        assert degree.mean() == pytest.approx(mean, abs=4 * error)
        sigma = math.sqrt(math.log1p(cv**2))
        log = np.log(degree[degree > 0])
        noise = np.mean(1 / degree[degree > 0])  # of the logarithm of a Poisson number
        assert log.std() ** 2 == pytest.approx(sigma**2 + noise, abs=4 * (sigma**2 + noise) * math.sqrt(2 / n) + 0.01)
        assert abs(stats.skew(log)) < 0.35
    assert stats.skew(matrix.sum(axis=0)) > 1
    control, _ = _matrix("fixed_probability", n, probability=p)
    assert np.log(control.sum(axis=0)).std() < 0.1
    with pytest.raises(SimulationError, match="of the synapses are lost"):
        _matrix("lognormal_degrees", 200, probability=0.5, cv_in=1.0)


# ---- distance
@pytest.mark.slow
@pytest.mark.reference(
    "topologies/distance_dependent",
    against="connection probability in bins of torus distance, and the integral of the profile",
    within="four standard errors",
)
@pytest.mark.parametrize("profile", ["gaussian", "exponential"])
@pytest.mark.parametrize("n_target", [None, 900])
def test_probability_falls_with_distance_on_a_torus(profile, n_target):
    width, p = 1e-4, 0.6
    matrix, ends = _matrix("distance_dependent", 1500, n_target, probability=p, width=width, profile=profile)
    apart = np.abs(ends.source_position[:, None] - ends.target_position[None])
    distance = np.hypot(*np.moveaxis(np.minimum(apart, 1e-3 - apart), -1, 0))
    off = ~np.eye(*distance.shape, dtype=bool) if n_target is None else np.ones(distance.shape, bool)
    if n_target is None:
        assert np.trace(matrix) == 0
    for low, high in zip(np.arange(0, 7) * 5e-5, np.arange(1, 8) * 5e-5, strict=True):
        mask = off & (distance >= low) & (distance < high)
        d = distance[mask]
        expected = p * (np.exp(-(d**2) / (2 * width**2)) if profile == "gaussian" else np.exp(-d / width))
        assert matrix[mask].sum() == pytest.approx(expected.sum(), abs=4 * math.sqrt(expected.sum()))
        if low == 0:  # control: one probability for all
            assert matrix[mask].mean() - matrix[off].mean() > 10 * math.sqrt(matrix[off].mean() / mask.sum())
    if profile == "gaussian":
        mean = 2 * math.pi * width**2 * p * erf(0.5e-3 / width / math.sqrt(2)) ** 2 / 1e-6
        # Positions are the same for all pairs of a neuron: a clumped sample of the torus, hence 2 % besides the counts.
        assert matrix[off].mean() == pytest.approx(mean, rel=0.03)
    wrapped = off & (np.abs(ends.source_position[:, None, 0] - ends.target_position[None, :, 0]) > 0.95e-3)
    assert matrix[wrapped].mean() > 2 * matrix[off].mean()  # neighbours across the edge


def test_distances_need_positions():
    def model(**extent: str) -> Model:
        projection = {
            "source": "E",
            "target": "E",
            "channel": "excitatory",
            "topology": {"distance_dependent": {"probability": 0.5, "width": "100 um"}},
            "weight": "1 nS",
            "delay": "1 ms",
        }
        population = {"n": 50, "neuron": "lif_conductance", **extent}
        return Model.model_validate(
            {"title": "t", "duration": "1 s", "populations": {"E": population}, "projections": {"there": projection}}
        )

    with pytest.raises(SimulationError, match=r"give source and target the same extent, e\.g\. extent: '1 mm'"):
        Simulation(model())
    assert Simulation(model(extent="1 mm")).network.parts[0].projections["there"].rows.target.size > 0


# ---- explicit
def _explicit(path: Any, n: int = 4, **given: Any) -> Simulation:
    projection = {
        "source": "E",
        "target": "E",
        "channel": "excitatory",
        "topology": {"explicit": {"file": str(path), **given}},
        "weight": "7 nS",
        "delay": "1 ms",
    }
    population = {"n": n, "neuron": "lif_conductance"}
    content = {"title": "t", "duration": "1 s", "populations": {"E": population}, "projections": {"there": projection}}
    return Simulation(Model.model_validate(content))


@pytest.mark.reference("topologies/explicit", against="the table", within="exactly")
@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_listed_synapses_are_the_synapses(tmp_path, kind):
    """Unsorted, with a pair that is listed twice and a neuron onto itself."""
    source, target, weight = np.array([2, 0, 2, 2, 3]), np.array([1, 3, 0, 1, 3]), np.array([1.5, 2.0, 0.0, 4.0, 0.5])
    path, bare = tmp_path / f"list.{kind}", tmp_path / f"bare.{kind}"
    if kind == "npz":
        np.savez(path, source=source, target=target, weight=weight)
        np.savez(bare, source=source, target=target)
    else:
        path.write_text(
            "source,target,weight\n" + "\n".join(f"{a},{b},{w}" for a, b, w in zip(source, target, weight, strict=True))
        )
        bare.write_text("target, source\n" + "\n".join(f"{b},{a}" for a, b in zip(source, target, strict=True)) + "\n")
    projection = _explicit(path, weight_unit="nS").network.parts[0].projections["there"]
    found = sorted(zip(*(x.tolist() for x in pairs(projection)), (weights(projection) * 1e9).round(9).tolist(), strict=True))
    assert found == sorted(zip(source.tolist(), target.tolist(), weight.tolist(), strict=True))
    projection = _explicit(bare).network.parts[0].projections["there"]
    assert sorted(zip(*(x.tolist() for x in pairs(projection)), strict=True)) == sorted(
        zip(source.tolist(), target.tolist(), strict=True)
    )
    assert np.all(weights(projection) == 7e-9)


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("source,target\n0,1\n0,4\n", {}, "row 2 has the target 4, but there are 4 neurons, 0 to 3; 1 rows of 2"),
        ("source,target\n-1,1\n", {}, "row 1 has the source -1"),
        ("source,target\n0.5,1\n", {}, "source has numbers that are not whole"),
        ("from,to\n0,1\n", {}, "it has the columns from, to, not source, target"),
        ("source,target\n0,x\n", {}, "cannot be read"),
        ("source,target,weight\n0,1,1\n", {}, "column weight, so that it needs weight_unit"),
        ("source,target\n0,1\n", {"weight_unit": "nS"}, "no column weight: remove weight_unit"),
        ("source,target,weight\n0,1,-1\n", {"weight_unit": "nS"}, "weights below 0"),
    ],
)
def test_a_wrong_list_of_synapses_is_refused(tmp_path, text, given, message):
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        _explicit(path, **given)
    with pytest.raises(DataError, match="cannot be read"):
        _explicit(tmp_path / "absent.csv")
