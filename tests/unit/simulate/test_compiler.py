"""The cache of machine code: one folder for each state of the code."""

from pathlib import Path

import numba
import pytest

from homeoanalysis import catalogue, provenance
from homeoanalysis.errors import DataError
from homeoanalysis.simulate import compiler, simulate, simulation

MODEL = {"title": "A neuron", "duration": "10 ms", "populations": {"cell": {"n": 1, "neuron": "lif_current"}}}


def test_the_cache_lies_where_the_user_wants_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOMEOANALYSIS_CACHE", str(tmp_path / "cache"))
    before = numba.config.CACHE_DIR
    for function in compiler._compiled.__wrapped__("0123"):
        assert Path(function.stats.cache_path).is_relative_to(tmp_path / "cache" / "simulate-0123")
    after = numba.config.CACHE_DIR
    assert after == before
    monkeypatch.delenv("HOMEOANALYSIS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    for function in compiler._compiled.__wrapped__("0123"):
        assert Path(function.stats.cache_path).is_relative_to(tmp_path / "xdg" / "homeoanalysis")


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_told_before_a_network_is_built(place, monkeypatch, tmp_path):
    """And is no SimulationError, which a sweep would keep as what became of the point."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOMEOANALYSIS_CACHE", str(tmp_path / place))
    monkeypatch.setattr(compiler, "_compiled", compiler._compiled.__wrapped__)
    monkeypatch.setattr(simulation, "build", lambda *_, **__: pytest.fail("the network is built first"))
    with pytest.raises(DataError, match="set the environment variable HOMEOANALYSIS_CACHE to a folder"):
        simulate(MODEL)


def test_other_mechanisms_and_other_code_have_another_folder(monkeypatch):
    """An edited kernel or rule must never run as it was."""
    asked = []
    monkeypatch.setattr(compiler, "_compiled", asked.append)
    rule = tuple(catalogue.source_files("plasticity", "inhibitory_stdp"))
    compiler.compiled(())
    compiler.compiled(rule)
    started = []
    monkeypatch.setattr(compiler, "code_digest", started.extend)
    compiler.compiled(rule)
    reached = {path.name for path in provenance.code_files(started)[0]}
    engine = {"engine.py", "populations.py", "hooks.py", "event.py", "forward.py", "static.py", "probes.py"}
    numerics = {"composition.py", "traces.py", "channels.py", "machine.py"}
    assert engine | numerics | {"inhibitory_stdp.py"} <= reached
    assert len(set(asked[:2])) == 2
