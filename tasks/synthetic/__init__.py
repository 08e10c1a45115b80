"""Synthetic data, the same at every call."""
