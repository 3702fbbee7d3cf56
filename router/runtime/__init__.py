"""Execution environments."""
