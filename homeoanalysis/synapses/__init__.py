"""Synaptic responses: one public NamedTuple per file, a sum of exponentials."""
