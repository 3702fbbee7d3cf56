"""What can be invoked."""
