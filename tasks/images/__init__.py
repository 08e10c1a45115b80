"""Helpers of image tasks: files, decoding, near duplicates, networks."""
