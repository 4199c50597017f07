"""A small valid config, and a way to plant a fault in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

SHA = "0" * 64
FILES = {
    "config.yaml": "seed: 1\nstudies: [demo]\n",
    "studies/demo.yaml": """\
title: A study
question: Does it come back?
recordings: [culture]
models: [net]
variants:
  net:
    static: {duration: 20 s}
metrics:
  firing_rate: {}
  population_rate.fine: {bin_size: 1 s}
contrasts:
  late: {metrics: [firing_rate], epoch: after, reference: before}
  ages: {metrics: [firing_rate], epoch: after, between: {factor: age, levels: [7, 14]}}
targets:
  culture: [net, net.static]
""",
    "recordings/culture.yaml": """\
title: A culture
citation: Somebody 2020
licence: CC0
source: {folder: recordings}
reader: mea_hdf5
duration: 100 s
epochs:
  before: [0 s, 40 s]
  after: [60 s, 100 s]
replicates:
  a: {subject: one, factors: {age: 7}, files: {recording: {name: a.h5}}}
  b: {subject: two, factors: {age: 14}, files: {recording: {name: b.h5}}}
""",
    "models/net.yaml": """\
title: A network
duration: 10 s
populations:
  E: {n: 10, cell_type: E, neuron: lif_conductance}
  I: {n: 5, cell_type: I, neuron: {lif_conductance: {tau_membrane: 20 ms}}}
projections:
  inhibition:
    source: I
    target: E
    channel: inhibitory
    topology: {fixed_probability: {probability: 0.2}}
    weight: 1 nS
    weight_max: 10 nS
    delay: 1 ms
    plasticity:
      - inhibitory_stdp: {target_rate: 5 Hz}
protocols:
  outside: {poisson_input: {population: E, channel: excitatory, rate: 100 Hz, weight: 1 nS}}
epochs:
  before: [0 s, 4 s]
  after: [6 s, 10 s]
fitted: [firing_rate]
sizes:
  full: {replicates: 4}
""",
    "models/twin.yaml": "base: net\ntitle: A twin\n",
}


class Folder:
    """A config folder whose text can be changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str | bytes) -> None:
        """Write a file anew."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace text that stands once in a file."""
        text = (self.path / name).read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        self.write(name, text.replace(old, new))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A valid config folder named `config`."""
    return Folder(tmp_path / "config")


Plant = Callable[[Folder], None]
