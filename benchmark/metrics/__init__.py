"""Measures, thresholds, costs, confidence intervals and tests, from labels and logits."""
