"""Tracked runs in, tables and verdicts out."""
