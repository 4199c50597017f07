"""Every file of config/models: it says where it comes from, is valid in every size, and runs."""

from pathlib import Path

import numpy as np
import pytest

from homeoanalysis.config.model import Model
from homeoanalysis.contracts import check
from homeoanalysis.simulate import simulate

FOLDER = Path(__file__).parents[2] / "config" / "models"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
SHORT = 0.05  # [s]


@pytest.mark.parametrize("name", NAMES)
def test_a_ready_model_says_where_it_comes_from(config, name):
    """A comment on its constants at the top, a title and a citation; loading the config has checked all sizes."""
    assert (FOLDER / f"{name}.yaml").read_text().startswith("# ")
    raw = config.raw_model(name, {})
    assert raw["title"]
    assert any(character.isdigit() for character in raw["citation"])
    if (base := config.streams[name]) != name:
        assert Model.model_validate(raw) != Model.model_validate(config.raw_model(base, {}))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_ready_model_runs(config, ready, name):
    """50 ms at the size ci, with finite state; a rate model runs as a whole."""
    model = Model.model_validate(config.raw_model(name, {}))
    if model.stimulus_recordings():
        pytest.skip("needs its recording; tests/unit/simulate runs it")
    if model.system is not None:
        activity = check(simulate(model, name=name), "activity/1")
        assert np.isfinite(activity.state_variable).all()
        return
    simulation = ready(name)
    simulation.advance(round(SHORT / model.dt))
    assert simulation.emitted() > 0
    for neurons in simulation.network.neurons.values():
        assert np.isfinite(neurons.state.v).all()
