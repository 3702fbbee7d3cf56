"""A trivial function that takes its time, so that many of it run at once."""

import time


def pause(event: float, context: object) -> None:
    """Sleep for so many seconds."""
    time.sleep(event)
