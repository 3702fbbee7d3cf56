"""Everything here runs on asyncio's own loop and on uvloop: they write, close and tell of an end differently."""

from tests.helpers.loops import pytest_asyncio_loop_factories

__all__ = ("pytest_asyncio_loop_factories",)
