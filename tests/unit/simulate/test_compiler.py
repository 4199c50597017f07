"""The cache of machine code: one folder for each state of the code."""

from pathlib import Path

import numba
import pytest

from homeoanalysis import catalogue, provenance
from homeoanalysis.errors import SimulationError
from homeoanalysis.simulate import compiler


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


def test_a_cache_that_cannot_be_written_is_an_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOMEOANALYSIS_CACHE", str(tmp_path / "file"))
    with pytest.raises(SimulationError, match="set the environment variable HOMEOANALYSIS_CACHE to a folder"):
        compiler._compiled.__wrapped__("0123")


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
