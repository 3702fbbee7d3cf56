"""Who waits for the answer to a request, without a connection."""

from router.events.http import Response


class Asker:
    """Keeps what it is answered; leaves when the test says so."""

    def __init__(self) -> None:
        self.left = False
        self.answers: list[Response] = []

    def answer(self, response: Response) -> None:
        """Take an early answer."""
        self.answers.append(response)
