"""Optuna chooses the arguments of a strategy; see ``search.invocation`` for the whole of it."""
