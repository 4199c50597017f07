"""What planning costs: so much for each recording, however many there are."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from homeoanalysis.config.loading import load_config
from homeoanalysis.config.recording import Replicate
from homeoanalysis.plan import Plan

RECORDING = """\
title: Many
citation: none
licence: none
source: {folder: mine}
reader: {spike_list: {time_step: 1 ms, duration: 4 s}}
replicates:
"""
STUDY = "{title: Many, question: How long?, recordings: [many], metrics: {firing_rate: {}}}"


def looks(folder: Path, n: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often a plan of n recordings looks at the files of one, when the rules have asked all that they ask."""
    one = "  r{0}: {{subject: s{0}, files: {{recording: {{name: {0}.csv}}}}}}\n"
    files = {"recordings/many.yaml": RECORDING + "".join(one.format(k) for k in range(n)), "studies/one.yaml": STUDY}
    for path, text in {"config.yaml": "{seed: 1, studies: [one]}", **files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    plan, found = Plan(load_config(folder)), Counter[str]()
    whole = Replicate.all_files

    def counted(self: Replicate) -> Any:
        found["looks"] += 1
        return whole(self)

    with monkeypatch.context() as patch:
        patch.setattr(Replicate, "all_files", counted)
        assert [plan.batch_files("many", b)["recording"] for b in plan.recorded("many")] == [f"mine/{k}.csv" for k in range(n)]
        assert [list(plan.raw_batch("many", b)["replicates"]) for b in plan.recorded("many")] == [[f"r{k}"] for k in range(n)]
        assert len(list(plan.jobs("one"))) == n + 3
    return found["looks"]


def test_ten_times_as_many_recordings_are_looked_at_ten_times_as_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were a hundred times: 10 000 took 18 minutes to plan."""
    few, many = (looks(tmp_path / str(n), n, monkeypatch) for n in (10, 100))
    assert few <= many <= 10 * few
