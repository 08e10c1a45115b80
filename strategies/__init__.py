"""Strategies for imbalance, one file a family."""

DEFAULT = "none,undersample,oversample,class_weight,focal,threshold"  # if nobody says otherwise
