"""A turn for each name: who changes a thing waits for who is changing the same, and for nobody else."""

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """Made when they are asked for, and gone with the last that waits."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Lock:
        """The turn of a name, to be held while what it has is read, made another and declared."""
        found = self._turns.get(name)
        if found is None:
            found = self._turns[name] = asyncio.Lock()
        return found
