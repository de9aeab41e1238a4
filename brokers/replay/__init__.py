"""Recordings as the feed of a run."""
