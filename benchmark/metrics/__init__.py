"""Labels and logits in, numbers out: measures, thresholds, costs, intervals and tests."""
