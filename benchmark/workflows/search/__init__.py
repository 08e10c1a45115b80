"""Optuna chooses the arguments of a strategy; `search.py` is the whole of it."""
