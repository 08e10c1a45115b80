"""Leaderboards for the terminal, Markdown, CSV and HTML."""
