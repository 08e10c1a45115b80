"""Strategies for class imbalance, one file per family."""

DEFAULT = "none,undersample,oversample,class_weight,focal,threshold"  # without --strategies
