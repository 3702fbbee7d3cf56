"""Tests of router/iam, file by file; the grid of verdicts in grid.py."""
