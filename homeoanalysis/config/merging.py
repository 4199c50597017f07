"""One YAML put over another: a size or a variant over a model, the command line over the config."""

from collections.abc import Mapping
from typing import Any

from homeoanalysis import catalogue
from homeoanalysis.config.distribution import KINDS

_CHOSEN = ("neurons", "synapses", "topologies", "protocols", "systems")  # of which a model names one in a place


def merge(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `override` put over it: mappings key by key, everything else as a whole.

    A choice is a whole: where `base` names one topology (neuron, protocol, distribution, ...) with its parameters and
    `override` another one, that replaces it, since the parameters of the first mean nothing to it.
    """
    if _is_another_choice(base, override):
        return dict(override)
    merged = dict(base)
    for key, value in override.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _is_another_choice(base: Mapping[str, Any], override: Mapping[str, Any]) -> bool:
    if not len(base) == len(override) == 1 or base.keys() == override.keys():
        return False
    both = {*base, *override}
    return any(both <= {*kind} for kind in (KINDS, *(catalogue.names(folder) for folder in _CHOSEN)))
