"""The durable queue, cursors and version tables."""
