"""Log groups and streams, START/END/REPORT, metrics, structlog set-up."""
