"""Skewbench: which strategy for class imbalance helps on your data, measured."""
