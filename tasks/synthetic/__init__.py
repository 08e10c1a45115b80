"""Synthetic data of the tasks, the same at every call."""
