"""Numerics shared by the catalogues: plain arrays in, plain arrays out."""
