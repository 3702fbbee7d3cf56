"""A module that cannot be imported (fault D13)."""

import no_such_module  # noqa: F401
