"""`router try`, as far as it needs no daemon."""

import signal
import sys

import pytest

from router.cli import attempt


class Unfinished:
    """As `http.client` leaves an answer that a signal came into."""

    def __del__(self) -> None:
        raise AttributeError("it never came to have what it looks for")


def test_what_an_interruption_cuts_short_says_nothing_of_it(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    with pytest.raises(KeyboardInterrupt):
        attempt._interrupt(signal.SIGTERM, None)
    Unfinished()
    assert capfd.readouterr() == ("", "")
