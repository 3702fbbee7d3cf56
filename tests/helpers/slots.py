"""Slots as a lease takes them."""

from collections.abc import Callable


def lane(slots: int) -> Callable[[str], bool]:
    """Slots that all functions but c share."""
    left = [slots]

    def take(function: str) -> bool:
        if function == "c":
            return True
        left[0] -= 1
        return left[0] >= 0

    return take
