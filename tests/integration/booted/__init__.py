"""The service under a systemd that has booted."""
