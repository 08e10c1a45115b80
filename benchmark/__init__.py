"""Skewbench: which strategy for class imbalance helps on your data, measured."""

__version__ = "0.2.0"
