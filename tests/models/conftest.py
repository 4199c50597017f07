"""The ready models, as the pipeline reads them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from homeoanalysis.config.fields import Size
from homeoanalysis.config.loading import Config, load_config
from homeoanalysis.config.model import Model
from homeoanalysis.config.sizes import sized
from homeoanalysis.simulate.simulation import Simulation

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def config() -> Config:
    return load_config(ROOT / "config")


@pytest.fixture(scope="session")
def ready(config: Config) -> Callable[..., Simulation]:
    """A simulation of a ready model at a size, `ci` unless told, with overrides as a variant of a study has them."""

    def make(name: str, variant: dict[str, Any] | None = None, size: Size = "ci", **options: Any) -> Simulation:
        model = Model.model_validate(sized(config.raw_models[name], size, variant or {}))
        return Simulation(model, name=config.streams[name], **options)

    return make
