"""What the verb `measure` says while it runs; what metrics return is tested by laws."""

import logging
import sys

import pytest

from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.numerics import synthetic
from homeoanalysis.provenance import rng_for

module = sys.modules["homeoanalysis.measure"]  # the package's attribute of that name is the verb


def test_the_log_says_how_far_a_long_job_is(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    activities = [
        synthetic.activity([synthetic.poisson_train(20.0, 4.0, rng_for(1, k))], 4.0).assign_attrs(replicate=name, source="rec")
        for k, name in enumerate("ab")
    ]
    with caplog.at_level(logging.INFO, "homeoanalysis"):
        measure(activities, "firing_rate")
        assert [r.message for r in caplog.records] == [
            "firing_rate of rec, replicate a: done",
            "firing_rate of rec, replicate b: done",
            "measured firing_rate of 2 replicates of rec",
        ]
        caplog.clear()
        monkeypatch.setattr(module, "_PROGRESS", 0.0)
        measure_draws(activities, "firing_rate", draws=3, block=0.5, seed=1)
        said = [r.message for r in caplog.records]
    assert said[:4] == [
        *(f"firing_rate of rec, replicate a: {k} of 3 draws" for k in (1, 2, 3)),
        "firing_rate of rec, replicate a: done",
    ]
