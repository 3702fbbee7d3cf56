"""The command `router`."""
