"""What a request that cannot be done is told, in DynamoDB's own texts."""

from typing import NoReturn

from router.errors import RouterError


class Refused(RouterError):
    """A refusal: AWS's code, its text, and members that the error carries beside it."""

    def __init__(self, message: str, code: str = "ValidationException", **members: object) -> None:
        super().__init__(message)
        self.code, self.status, self.members = code, 400, members  # type: ignore[misc]  # of one error, not of a class


def invalid(message: str) -> NoReturn:
    """Raise Refused for a parameter value that is not as it should be."""
    raise Refused(f"One or more parameter values were invalid: {message}")
