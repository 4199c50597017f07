"""What jobs ask a cluster for lies above what they were measured to take, and not far above."""

import re
from pathlib import Path

import pytest
from networks import NETWORKS

from homeoanalysis.config.model import Model
from homeoanalysis.resources import Need, of_files, of_model, points_of_a_job

# CPU seconds of an hour of biological time in float64, one thread; the slower of two processors (benchmarks/README.md).
HOUR = {"A": 201.0, "B": 1091.0, "C": 181.0, "D": 10.1}
# Starting, and compiling the loop where nothing is in the cache [s].
START = 20.0


@pytest.mark.parametrize("name", HOUR)
def test_a_network_gets_more_time_than_it_takes_but_not_ten_times_as_much(name: str) -> None:
    need = of_model(Model.model_validate(NETWORKS[name]()), runs=1)
    assert 1.5 * (HOUR[name] + START) < 60 * need.runtime < 10 * (HOUR[name] + START) + 240


def test_points_of_a_sweep_share_jobs_that_cost_ten_times_their_start() -> None:
    """Of runs of 10 s such a job pays less than a tenth for its start; dear points have jobs of their own, cheap ones not one."""
    cheap, dear = (Model.model_validate({**NETWORKS["C"](), "duration": d}) for d in ("1 s", "10 h"))
    assert (points_of_a_job(cheap, 1), points_of_a_job(dear, 1)) == (64, 1)
    seconds = {name: HOUR[name] / 3600 for name in HOUR}
    for name, each in seconds.items():
        ten = Model.model_validate({**NETWORKS[name](), "duration": f"{10 / each:.0f} s"})
        assert 1.7 / (10 * points_of_a_job(ten, 1)) < 0.1
        assert points_of_a_job(ten, 4) <= points_of_a_job(ten, 1) / 2


def test_time_grows_with_runs_seconds_neurons_and_synapses() -> None:
    def minutes(runs: int = 1, **changes: object) -> int:
        return of_model(Model.model_validate({**NETWORKS["C"](), **changes}), runs).runtime

    once = minutes()
    assert minutes(runs=4) > 3 * once
    assert minutes(duration="4 h") > 3 * once
    dense = NETWORKS["C"]()
    for projection in dense["projections"].values():
        projection["topology"] = {"fixed_probability": {"probability": 0.4}}
    assert of_model(Model.model_validate(dense), 1).runtime > 2.5 * once


def test_memory_holds_the_synapses_the_spikes_and_the_interpreter() -> None:
    """565 MB beyond the interpreter were measured for 1e8 static synapses; 384 MB for five runs of `balanced` at size `ci`."""
    large = NETWORKS["B"]()
    large["populations"]["E"]["n"], large["populations"]["I"]["n"] = 80_000, 20_000
    for projection in large["projections"].values():
        projection["topology"] = {"fixed_probability": {"probability": 0.01}}
    assert 565 + 200 < of_model(Model.model_validate({**large, "duration": "1 s"}), 1).mem_mb < 3 * 765
    small = NETWORKS["D"]()
    assert 384 < of_model(Model.model_validate({**small, "duration": "160 s"}), 5).mem_mb < 3 * 384


def test_spikes_that_are_not_kept_take_no_memory() -> None:
    """Those of a protocol that answers to spikes are."""

    def megabytes(**changes: object) -> int:
        return of_model(Model.model_validate({**NETWORKS["B"](), "duration": "1000 s", **changes}), 1).mem_mb

    few: dict[str, object] = {"record": {"units": {"E": 8, "I": 0}}}
    first = next(iter(NETWORKS["B"]()["projections"]))
    reward = {"pair_reward": {"projection": first, "projections": [first]}}
    spikes = 10_000 * 20.0 * 1000 * 40e-6
    assert spikes < megabytes() - megabytes(**few) < 1.5 * spikes
    assert megabytes(**few, protocols={"reward": reward}) == megabytes()


def test_what_reads_files_asks_for_more_where_they_are_larger() -> None:
    """Measured: 277 MB and 50 CPU s for 5.75 MB and 100 draws; 930 MB and 218 s to ingest 7 GB."""
    small, long = of_files(5.75, draws=100, fold=40.0), of_files(7000.0)
    assert 277 < small.mem_mb < 5 * 277
    assert 50 < 60 * small.runtime < 20 * 50
    assert 930 < long.mem_mb < 10 * 930
    assert 60 * long.runtime > 218


def test_every_rule_that_runs_a_script_says_what_it_needs_or_stays_where_snakemake_runs() -> None:
    folder = Path(__file__).parents[2] / "workflow" / "rules"
    rules = {
        name: body
        for path in folder.glob("*.smk")
        for name, body in re.findall(r"^rule (\w+):\n((?:(?:    .*)?\n)+)", path.read_text(), re.MULTILINE)
    }
    (local,) = re.findall(r"^localrules:\n((?:    .*\n)+)", (folder / "common.smk").read_text(), re.MULTILINE)
    silent = {name for name, body in rules.items() if "    script:" in body and "**asking(" not in body}
    assert silent == set(re.findall(r"\w+", local))
    assert len(rules) > 8


def test_a_job_that_was_ended_gets_more_the_next_time() -> None:
    assert Need(1000, 10).times(1) == Need(1000, 10)
    assert Need(1000, 10).times(3) == Need(3000, 30)
    assert Need(1000, 9).is_small
    assert not Need(1000, 10).is_small
