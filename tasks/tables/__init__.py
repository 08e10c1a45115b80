"""Helpers of table tasks: reading, column roles, features, models."""
