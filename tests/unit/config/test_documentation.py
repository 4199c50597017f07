"""The examples of docs/configuration.md are a valid config, and that of docs/simulator.md a valid part of a model."""

import re
from pathlib import Path
from typing import Any

from homeoanalysis.config.loading import load_config
from homeoanalysis.config.model import Model
from homeoanalysis.config.yaml import parse
from homeoanalysis.plan import Plan

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_examples_are_valid(tmp_path: Path) -> None:
    found = re.findall(r"```yaml\n# (config/\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 6
    for name, text in found:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    config = load_config(tmp_path / "config")
    models = ("network", "network.frozen", "network.none", "network.stdp", "network.intrinsic")
    assert config.sources("rates") == {"cultures": "cultures"} | {name: f"{name}.ci" for name in models}
    assert [job.rule for job in Plan(config).jobs("rates")][-1] == "report"
    assert config.tested() == {"C1": "c1", "C2": ""}


def test_the_neuromodulators_of_the_guide_are_valid():
    """In a network that has what they name; each is an epoch of a run."""
    guide = PAGE.with_name("simulator.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(protocols:\n.*?)```", guide, re.DOTALL)
    onto: dict[str, Any] = {
        "target": "E",
        "channel": "excitatory",
        "topology": {"fixed_probability": {"probability": 0.5}},
        "weight": "1 nS",
        "weight_max": "2 nS",
        "delay": "1 ms",
    }
    recurrent = ["triplet_stdp", {"synaptic_scaling": {"target_rate": "5 Hz"}}]
    network = {
        "title": "a network with neuromodulators",
        "duration": "400 s",
        "populations": {"E": {"n": 10, "neuron": "adex"}, "in": {"n": 5, "neuron": "relay"}},
        "projections": {
            "E_to_E": {"source": "E", "plasticity": recurrent, **onto},
            "in_to_E": {"source": "in", "plasticity": ["three_factor_stdp"], **onto},
        },
    }
    model = Model.model_validate(network | parse(text, "docs/simulator.md"))
    assert list(model.spans()) == ["baseline", "acetylcholine", "noradrenaline", "dopamine"]
