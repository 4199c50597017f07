"""The ready models, as the pipeline reads them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from homeoanalysis.config.loading import Config, load_config
from homeoanalysis.config.model import Model
from homeoanalysis.simulate.simulation import Simulation

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def config() -> Config:
    return load_config(ROOT / "config")


@pytest.fixture(scope="session")
def ready(config: Config) -> Callable[..., Simulation]:
    """A simulation of a ready model at the size `ci`, with overrides as a variant of a study has them."""

    def make(name: str, variant: dict[str, Any] | None = None, **options: Any) -> Simulation:
        model = Model.model_validate(config.raw_model(name, variant or {}))
        return Simulation(model, name=config.streams[name], **options)

    return make
