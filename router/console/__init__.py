"""What operators read over HTTP."""
