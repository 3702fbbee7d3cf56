"""Endpoints over the daemon's calls."""
