"""Which functions have extensions."""

from router.config.types import Function


def has_extensions(function: Function) -> bool:
    """Whether its layers bring external extensions, or it is said to have internal ones."""
    return function.internal_extensions or (function.opt is not None and (function.opt / "extensions").is_dir())
