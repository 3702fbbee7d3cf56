"""A function's own botocore of before 1.31 (boto3 of before 1.28) knows no AWS_ENDPOINT_URL: by itself it would call AWS, with credentials of
this daemon. So its clients get the address where nobody gives them another. Standard library only; runs in the worker."""

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Final

_NAME: Final = "botocore.session"
_KNOWS: Final = (1, 31)  # from this version on it reads the variable
_BEFORE: Final = 5  # positional arguments of create_client between service_name and the end of endpoint_url


class Finder:
    """First on sys.meta_path, until that module is imported."""

    def __init__(self, url: str) -> None:
        self._url = url

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """See importlib.abc.MetaPathFinder."""
        if name != _NAME:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None and _is_old(getattr(sys.modules.get("botocore"), "__version__", "")):
            spec.loader = _Loader(spec.loader, self._url)  # type: ignore[assignment]  # what it lacks is the other's
        return spec


class _Loader:
    """Another loader, and what is to be done after it."""

    def __init__(self, loader: Any, url: str) -> None:
        self._loader, self._url = loader, url

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def exec_module(self, module: ModuleType) -> None:
        """See importlib.abc.Loader."""
        self._loader.exec_module(module)
        module.Session.create_client = _told(module.Session.create_client, self._url)


def _told(made: Callable[..., Any], url: str) -> Callable[..., Any]:
    @wraps(made)
    def create_client(session: Any, service_name: str, *args: Any, **kwargs: Any) -> Any:
        if len(args) < _BEFORE and kwargs.get("endpoint_url") is None:
            kwargs["endpoint_url"] = url
        return made(session, service_name, *args, **kwargs)

    return create_client


def _is_old(version: str) -> bool:
    parts = version.split(".")
    return len(parts) > 1 and parts[0].isdigit() and parts[1].isdigit() and (int(parts[0]), int(parts[1])) < _KNOWS
