"""A request that is answered by the listener itself."""

from router.events.http import Response


class Refused(Exception):
    """A request that gets this status and the end of its connection; *told* is for the log, *response* instead of the listener's own."""

    def __init__(self, status: int, told: str, response: Response | None = None) -> None:
        super().__init__(told)
        self.status, self.told, self.response = status, told, response
