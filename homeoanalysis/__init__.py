"""homeoanalysis: firing rates, spectra and codes of plastic networks, models and recordings measured the same way.

The public API is the verbs (`ingest`, `simulate`, `measure`, `compare`, `draw`), `load_config` and `open_dataset`.
They are imported at first use, since together they cost seconds.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeoanalysis.compare import compare
    from homeoanalysis.config.loading import load_config
    from homeoanalysis.contracts import open_dataset
    from homeoanalysis.draw import draw
    from homeoanalysis.ingest import ingest
    from homeoanalysis.measure import measure
    from homeoanalysis.simulate import simulate

__all__ = ["compare", "draw", "ingest", "load_config", "measure", "open_dataset", "simulate"]
_HOME = {"load_config": "config.loading", "open_dataset": "contracts"}  # the others live in the module of their own name


class _Package(ModuleType):
    """Keeps a verb's name for the function: importing the submodule `measure` would put the module in its place."""

    def __getattr__(self, name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOME.get(name, name)}"), name)

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
