"""A request that is answered by the listener itself."""


class Refused(Exception):
    """A request that gets this status and the end of its connection; *told* is for the log."""

    def __init__(self, status: int, told: str) -> None:
        super().__init__(told)
        self.status, self.told = status, told
