"""Metrics: one activity -> the variable named after the file, and its companions."""
