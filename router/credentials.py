"""Who may sign, on disk: STATE/keys.json, the list of access keys, and STATE/credentials.key, which their secrets follow from.

Both have mode 0600 and are replaced whole. A running daemon looks at the list with every request, so that a key that was
made or revoked beside it counts at once. Without the state key no secret can be had; a new one ends all keys and sessions."""

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from router.config.files import NotRegular, content
from router.config.types import Config
from router.disk import replace_private
from router.errors import InvalidParameter, JournalError
from router.events.http import Request
from router.iam import claims, keys, reading
from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.callers import Caller, Realm
from router.iam.claims import Where
from router.iam.keys import AccessKey
from router.iam.policy import BadPolicy, Policy
from router.iam.sessions import LIFETIME, NONCE_BYTES, Credentials, Session, mint
from router.iam.sigv4 import Verified

LIST: Final = "keys.json"
MASTER: Final = "credentials.key"
LARGEST: Final = 4 * 1024 * 1024  # bytes of the list
MOST: Final = 1000  # keys

_HASH: Final = re.compile(r"[0-9a-f]{64}")


class KeyStore:
    """The access keys of one state directory. Opens nothing before it is asked."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._seen: tuple[int, ...] = ()
        self._keys: dict[str, AccessKey] = {}
        self._master = b""

    def all(self) -> Mapping[str, AccessKey]:
        """The keys by id, as they are now. Raises JournalError when the list cannot be read: nobody is let in then."""
        path = self._state / LIST
        try:
            found = path.stat()
        except FileNotFoundError:
            self._keys, self._seen = {}, ()
            return self._keys
        except OSError as error:
            raise JournalError(f"cannot read {path}: {error.strerror}") from error
        mark = (found.st_ino, found.st_size, found.st_mtime_ns)
        if mark != self._seen:
            check_private(path, found)
            try:
                self._keys = keys.decoded(read_whole(path, LARGEST))
            except keys.Damaged as error:
                raise JournalError(f"{path}: {error}") from error
            self._seen = mark
        return self._keys

    def masters(self) -> Sequence[bytes]:
        """The state key; () while there is none. Raises JournalError."""
        if not self._master:
            path = self._state / MASTER
            try:
                found = path.stat()
            except FileNotFoundError:
                return ()
            except OSError as error:
                raise JournalError(f"cannot read {path}: {error.strerror}") from error
            check_private(path, found)
            master = read_whole(path, keys.MASTER_BYTES + 1)
            if len(master) != keys.MASTER_BYTES:
                raise JournalError(f"{path}: not {keys.MASTER_BYTES} bytes: put the right file back, or remove it, which ends all keys")
            self._master = master
        return (self._master,)

    def master(self) -> bytes:
        """The state key, made when there is none. Raises JournalError."""
        if found := self.masters():
            return found[0]
        with self._locked():
            return self._made()

    def create(self, name: str, scopes: Sequence[str], policy: Mapping[str, Any] | None, now: float) -> tuple[AccessKey, str]:
        """A new key and its secret, which can be had only here. Raises InvalidParameter, JournalError."""
        key = _checked(AccessKey(keys.new_id(secrets.token_bytes(10)), name, tuple(dict.fromkeys(scopes)), policy, now))
        with self._locked():
            known = self.all()
            if len(known) >= MOST:
                raise InvalidParameter(f"there are {MOST} keys already: revoke some")
            master = self._made()
            self._write(LIST, keys.encoded([*known.values(), key]))
        return key, keys.secret_of(master, key.id)

    def revoke(self, key_id: str) -> AccessKey:
        """Forget a key: what it signs is refused from now on. Raises InvalidParameter, JournalError."""
        with self._locked():
            known = dict(self.all())
            if key_id not in known:
                raise InvalidParameter(f"no access key {key_id[:64]}; `router keys list` shows them")
            key = known.pop(key_id)
            self._write(LIST, keys.encoded(list(known.values())))
        return key

    def session(self, role: str, name: str, now: float, *, lifetime: float = LIFETIME) -> Credentials:
        """Fresh temporary credentials of a role, for one execution environment: *name* is its function's. Raises JournalError."""
        return self.opened(Session(role, name, now, now + lifetime))

    def opened(self, session: Session) -> Credentials:
        """Fresh temporary credentials for a session. Raises JournalError, ValueError when its policy is too long."""
        return mint(self.master(), session, secrets.token_bytes(NONCE_BYTES))

    def realm(self, account: str, known_roles: Mapping[str, Policy]) -> Realm:
        """Everybody who may sign now. Raises JournalError."""
        return Realm(account, self.masters(), self.all(), known_roles)

    def _made(self) -> bytes:
        if not self.masters():
            self._write(MASTER, secrets.token_bytes(keys.MASTER_BYTES))
        return self.masters()[0]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, whichever process it is in."""
        path = self._state / "keys.lock"
        try:
            self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise JournalError(f"cannot open {path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, name: str, data: bytes) -> None:
        """Replace a file, synced: a key that was printed must be good after a power cut, one that was revoked must not."""
        path = self._state / name
        try:
            replace_private(path, data)
        except OSError as error:
            raise JournalError(f"cannot write {path}: {error.strerror}") from error


class Signers:
    """Who may sign, for all faces of a config that take signatures."""

    def __init__(self, config: Config) -> None:
        self._account, self._roles = config.account, roles(config)
        self._store = KeyStore(config.state)

    def adopt(self, config: Config) -> None:
        """Another config is in force: what its roles allow counts from the next request on."""
        self._roles = roles(config)

    def realm(self) -> Realm:
        """As it is now. Raises JournalError."""
        return self._store.realm(self._account, self._roles)

    def whole(self, request: Request, where: Where, now: float) -> tuple[Caller, Verified]:
        """Who signed a request whose body is here. Raises AuthFailure, JournalError."""
        return believed(self.realm(), request, where, now)


def believed(realm: Realm, request: Request, where: Where, now: float) -> tuple[Caller, Verified]:
    """Who of *realm* signed a request whose body is here; any thread. Raises AuthFailure."""
    claimed = request.header("x-amz-content-sha256")
    claimed = claimed if _HASH.fullmatch(claimed) else ""
    found = realm.authenticate(signed(request), where, now, lambda: claimed or hashlib.sha256(request.body).hexdigest())
    if claimed and not hmac.compare_digest(claimed, hashlib.sha256(request.body).hexdigest()):
        raise AuthFailure(Flaw.BAD_PAYLOAD)
    return found


def signed(request: Request) -> claims.Request:
    """What of a request a signature covers."""
    headers = request.headers
    if not any(name == "host" for name, _ in headers):
        headers = [("host", request.host), *headers]
    return claims.Request(request.method, request.path, request.query, headers)


def roles(config: Config) -> Mapping[str, Policy]:
    """The policies of the config's roles. Raises BadPolicy for a config that nobody checked."""
    return {name: reading.read(role.policy, name=f"role {name}") for name, role in config.roles.items()}


def _checked(key: AccessKey) -> AccessKey:
    if not keys.NAME.fullmatch(key.name):
        raise InvalidParameter("a key's name is 1 to 64 letters, digits and + = , . @ _ -")
    if wrong := [scope for scope in key.scopes if scope not in keys.SCOPES]:
        raise InvalidParameter(f"{str(wrong[0])[:40]!r} is no scope: {', '.join(keys.SCOPES)}")
    if not key.scopes and key.policy is None:
        raise InvalidParameter("a key needs a scope or a policy: without both it may do nothing")
    if key.policy is not None and len(json.dumps(key.policy)) > reading.LIMIT:
        raise InvalidParameter(f"a policy has {reading.LIMIT:,} characters at most")
    try:
        _ = key.policies
    except BadPolicy as error:
        raise InvalidParameter("\n".join(map(str, error.mistakes))) from error
    return key


def check_private(path: Path, found: os.stat_result) -> None:
    """Raises JournalError for a file that others could read, or have written."""
    if found.st_uid != os.geteuid():
        raise JournalError(f"{path} belongs to uid {found.st_uid}, not to uid {os.geteuid()}, which runs this: chown it")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise JournalError(f"{path} is open to other users (mode {stat.S_IMODE(found.st_mode):04o}): chmod 600 it")


def read_whole(path: Path, limit: int) -> bytes:
    """A regular file of *limit* bytes at most. Raises JournalError."""
    try:
        found = content(path, limit + 1)
    except (OSError, NotRegular) as error:
        raise JournalError(f"cannot read {path}: {getattr(error, 'strerror', '') or 'not a regular file'}") from error
    if len(found) > limit:
        raise JournalError(f"{path} is larger than {limit} bytes")
    return found
