"""What the user of the service may not do with paths that are there, told from their modes alone, and the line that lets it. Pure."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Final

from router.cli.service_files import Place

_BITS: Final = {"r": 4, "w": 2, "x": 1}
_VERBS: Final = {"r": "read", "w": "write", "x": "enter"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What stat(2) says of a path."""

    uid: int
    gid: int
    mode: int  # permissions alone
    directory: bool
    listed: bool = False  # an access control list says more than the mode


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the service runs as; before it is made, nobody that owns anything."""

    uid: int = -1
    gid: int = -1
    others: Collection[int] = ()  # groups that it is in too


Look = Callable[[Path], Seen | None]  # None: not there


def warnings(places: Collection[Place], account: Account, look: Look) -> list[str]:
    """A sentence, with the line to type, for every place that is there and of which the service could not make use."""
    found = (line for place in places for line in _warned(place, account, look))
    return list(dict.fromkeys(found))


def _warned(place: Place, account: Account, look: Look) -> Iterator[str]:
    path = place.real
    for above in reversed(path.parents):
        seen = look(above)
        if seen is None:
            return
        if lacking(seen, "x", account):
            yield f"{place.what}: the user router may not enter {above}: setfacl -m u:router:x {quote(str(above))}"
    seen = look(path)
    if seen is None:
        return
    if place.use == "state" and seen.uid != account.uid:
        yield f"{place.what}: {path} is another user's: chown -R router:router {quote(str(path))}"
        return
    if missing := lacking(seen, _wanted(place, seen), account):
        told = " and ".join(_VERBS[letter] for letter in missing)
        yield f"{place.what}: the user router may not {told} {path}: {_remedy(place, path, seen)}"


def _wanted(place: Place, seen: Seen) -> str:
    if not seen.directory:
        return {"program": "rx", "database": "rw"}.get(place.use, "r")
    return {"state": "rwx", "data": "rwx", "socket": "wx"}.get(place.use, "rx")


def _remedy(place: Place, path: Path, seen: Seen) -> str:
    named = quote(str(path))
    if place.use in {"data", "socket"} and seen.directory:
        return f"setfacl -R -m u:router:rwX,d:u:router:rwX {named}"
    return f"setfacl -R -m u:router:rX {named}" if seen.directory else f"setfacl -m u:router:{_wanted(place, seen)} {named}"


def lacking(seen: Seen, wanted: str, account: Account) -> str:
    """Which of the letters *wanted* (r, w, x) the account has not; what a list grants is not known and taken to be enough."""
    if seen.listed:
        return ""
    shift = 6 if seen.uid == account.uid else 3 if seen.gid in {account.gid, *account.others} else 0
    return "".join(letter for letter in wanted if not seen.mode >> shift & _BITS[letter])
