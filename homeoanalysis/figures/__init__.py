"""Figures: the measures and the comparison of a study -> one figure with its caption."""
