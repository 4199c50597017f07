"""Rate models: one public NamedTuple per file, a system of differential equations with its protocol."""
