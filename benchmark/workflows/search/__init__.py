"""One `search` with Optuna, from request to answer."""
