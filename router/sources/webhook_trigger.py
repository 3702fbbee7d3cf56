"""The trigger `webhook` as config.yaml spells it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self, cast

from router.config.node import Node
from router.config.types import Listen, Names
from router.config.values import ANY
from router.events import routes, webhook_keys
from router.events.function_url import URL_PREFIX
from router.events.webhook import TOLERANCE, Key, Scheme
from router.events.webhook_grammar import ANY_ID, PLAIN_ID, SIZES, Encoding
from router.events.webhook_keys import BadSecret, Maker, NoKey, SecretEncoding
from router.events.webhook_schemes import GITHUB, SHOPIFY, SLACK, GitLab, GitLabToken, Part, Signed, Standard, Stripe, Unsigned

PRESETS: Final[dict[str, Scheme]] = {
    "github": GITHUB,
    "gitlab": GitLab(),
    "gitlab-token": GitLabToken(),
    "stripe": Stripe(),
    "slack": SLACK,
    "shopify": SHOPIFY,
    "standard": Standard(),
}
PROVIDERS: Final = (*PRESETS, "hmac")
BODY_LIMIT: Final = 1024 * 1024  # bytes, and no more can be asked for: an event holds as much with all that is around the body
MOST_SECRETS: Final = 8
MOST_PARTS: Final = 16

_HMAC: Final = ("header", "algorithm", "encoding", "prefix", "signed", "timestamp_header", "secret_encoding")
_KNOWN: Final = ("path", "provider", "auth", "secret", "secrets", "token", "tolerance", "body_limit", "id_header", *_HMAC)
_HEADER: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
_SIZE: Final = re.compile(r"([0-9]{1,7})(KB|MB)")
_UNITS: Final = {"KB": 1024, "MB": 1024 * 1024}  # bytes
_REFERENCE: Final = re.compile(r"\$\{((?:env|credential|file):[^{}$]+)\}")
_MARK: Final = re.compile(rb"[^A-Za-z0-9_-]")  # what neither a time nor an id can hold
_NO_ROUTE: Final = routes.Route("")
_LOOPBACK: Final = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1")


@dataclass(frozen=True, slots=True)
class WebhookTrigger:
    """`webhook: {path: /hooks/github, provider: github, secret: …}`."""

    word: ClassVar[str] = "webhook"

    route: routes.Route
    scheme: Scheme
    keys: tuple[Key, ...] = field(repr=False)
    tolerance: float = TOLERANCE  # seconds
    body_limit: int = BODY_LIMIT  # bytes

    @classmethod
    def read(cls, node: Node, names: Names) -> Self:  # noqa: ARG003 - a webhook refers to nothing by name
        """Read the value under `webhook`; mistakes are noted on the node."""
        form = node.form(main="path", known=_KNOWN)
        scheme, keys = _open(form) if form.choice("auth", "signature", ("signature", "none")) == "none" else _guarded(form)
        tolerance = form.seconds("tolerance", TOLERANCE, low=1, high=86_400)
        if form.has("tolerance") and not scheme.timed:
            form.problem(f"{scheme.name} signs no time that could be compared with the clock", "tolerance")
        return cls(_route(form), scheme, keys, tolerance, _body_limit(form))

    @property
    def claim(self) -> str:
        """The route, as http triggers claim theirs."""
        return f"route {self.route.shape}" if self.route.key else ""

    def notes(self, listen: Listen) -> Iterator[str]:
        """What an operator should know of a route that listens there, a sentence each."""
        if _local(listen):
            return
        if isinstance(self.scheme, Unsigned):
            yield f"{self.route.key} takes what anybody sends (auth: none), and {listen} is not this machine alone"
        if isinstance(self.scheme, GitLabToken) or (isinstance(self.scheme, GitLab) and self.scheme.plain):
            yield f"{self.route.key}: GitLab's token crosses the network as it is and signs no body; let a proxy with TLS stand before {listen}"


def _local(listen: Listen) -> bool:
    """Whether only this machine reaches it. Of a socket that systemd passes nobody knows here."""
    return listen.kind in ("off", "unix") or (listen.kind == "tcp" and bool(_LOOPBACK.fullmatch(listen.host)))


def _route(form: Node) -> routes.Route:
    path = form.text("path", pattern="/.*", what="a path; write /hooks/github")
    try:
        route = routes.parse(f"POST {path}") if path else _NO_ROUTE
    except routes.BadRoute as error:
        form.problem(str(error), "path")
        return _NO_ROUTE
    if route.literals[:1] == (URL_PREFIX[1:],):
        form.problem(f"paths below {URL_PREFIX} belong to function URLs", "path")
    return route


def _body_limit(form: Node) -> int:
    text = form.text("body_limit", "1MB", pattern=_SIZE.pattern, what="a size; write 256KB, 1MB")
    found = _SIZE.fullmatch(text)
    size = int(found[1]) * _UNITS[found[2]] if found else BODY_LIMIT
    if not 1 <= size <= BODY_LIMIT:
        form.problem("is outside 1KB to 1MB, which is all that an event holds", "body_limit")
    return size


# -- who may deliver


def _open(form: Node) -> tuple[Scheme, tuple[Key, ...]]:
    """Of a route that asks nobody who they are."""
    for key in ("provider", "secret", "secrets", "token", *_HMAC):
        if form.has(key):
            form.problem("auth: none verifies nothing: leave this out, or leave auth out", key)
    return Unsigned(id_headers=_header(form, "id_header")), (NoKey(),)


def _guarded(form: Node) -> tuple[Scheme, tuple[Key, ...]]:
    """Of a route that takes what is signed."""
    if not form.has("provider"):
        form.problem(f"is required: one of {', '.join(PROVIDERS)}; or auth: none for a route that asks nobody who they are", "provider")
        return Stripe(), ()
    provider = form.choice("provider", None, PROVIDERS)
    if provider != "hmac":
        for key in ("id_header", *_HMAC):
            if form.has(key):
                form.problem(f"only for provider: hmac; {provider} says it itself", key)
    if provider != "gitlab" and form.has("token"):
        form.problem("only for provider: gitlab; elsewhere write secret", "token")
    if provider == "hmac":
        encoding = cast("SecretEncoding", form.choice("secret_encoding", "utf8", ("utf8", "hex", "base64")))
        return _described(form), _keys(form, lambda name, text: webhook_keys.shared(name, text, encoding))
    if provider == "gitlab" and form.has("token"):
        return GitLab(plain=True), (*_keys(form, webhook_keys.standard), *_key(form, "token", "token", webhook_keys.token))
    return PRESETS[provider], _keys(form, _MAKERS.get(provider, webhook_keys.shared))


_MAKERS: Final = {"standard": webhook_keys.standard, "gitlab": webhook_keys.standard, "gitlab-token": webhook_keys.token}


def _keys(form: Node, make: Maker) -> tuple[Key, ...]:
    """The keys under `secret`, or under `secrets` while one replaces another."""
    listed = form.child("secrets")
    if listed is None:
        return _key(form, "secret", "secret", make)
    if form.has("secret"):
        form.problem("write either secret or secrets", "secret")
    elements = listed.elements()
    if not 1 <= len(elements) <= MOST_SECRETS:
        listed.problem(f"1 to {MOST_SECRETS} secrets; a delivery is taken when any of them made its signature")
    keys: list[Key] = []
    texts: set[str] = set()
    for index, element in enumerate(elements):
        before = element.mistakes
        keys += _key(element, "", f"secrets[{index}]", make)
        text = element.text("") if element.mistakes == before else ""
        if text and text in texts:
            element.problem("the same secret stands twice")
        texts.add(text)
    return tuple(keys)


def _key(form: Node, key: str, name: str, make: Maker) -> tuple[Key, ...]:
    """The key of the secret under *key*; named by its reference, or by its place when it stands there itself."""
    before = form.mistakes
    text = form.text(key, pattern=ANY)  # who makes the key knows better what is wrong with an empty one
    form.secret("secret", text)
    if form.mistakes > before:
        return ()
    found = _REFERENCE.fullmatch(form.written(key))
    try:
        return (make(found[1] if found else name, text),)
    except BadSecret as error:
        form.problem(str(error), key)
        return ()


# -- the generic description


def _described(form: Node) -> Signed:
    """The scheme that provider: hmac spells out."""
    header = _header(form, "header", required=True)
    timestamp = _header(form, "timestamp_header")
    delivery = _header(form, "id_header")
    parts = _signed(form)
    _together(form, parts, Part.TIMESTAMP, "timestamp_header", timestamp)
    if Part.ID in parts and not delivery:
        form.problem("is required: the id is among what is signed", "id_header")
    return Signed(
        "hmac",
        "".join(header),
        parts,
        encoding=cast("Encoding", form.choice("encoding", "hex", ("hex", "base64"))),
        algorithm=form.choice("algorithm", "sha256", tuple(SIZES)),
        prefix=form.text("prefix", "", pattern=r"[!-~]{0,64}", what="visible ASCII, 64 characters at most"),
        timestamp_header="".join(timestamp),
        id_headers=delivery,
        id_form=PLAIN_ID if Part.ID in parts else ANY_ID,
    )


def _header(form: Node, key: str, *, required: bool = False) -> tuple[str, ...]:
    """The header named under *key*, lower-case; () when there is none."""
    if not required and not form.has(key):
        return ()
    return (form.text(key, pattern=_HEADER, what="a header's name").lower(),)


def _together(form: Node, parts: tuple[Part | bytes, ...], part: Part, key: str, header: tuple[str, ...]) -> None:
    """A time that is compared must be signed, and a time that is signed must come from somewhere."""
    if part in parts and not header:
        form.problem(f"is required: the {part} is among what is signed", key)
    elif header and part not in parts:
        form.problem(f'{part} is not among what is signed, so anybody could change it; write signed: [timestamp, ".", body]', key)


def _signed(form: Node) -> tuple[Part | bytes, ...]:
    """The parts under `signed`: the words of Part, and literal text between them."""
    written = form.strings("signed", ("body",))
    if len(written) > MOST_PARTS:
        form.problem(f"{MOST_PARTS} parts at most", "signed")
    words = tuple(part.value for part in Part)
    parts: list[Part | bytes] = []
    for text in written:
        if text in words:
            parts.append(Part(text))
            continue
        if "{" in text or not text or (hint := form.did_you_mean(text, words)):
            told = f"{text!r:.60} is no part{hint if '{' not in text and text else ''}"
            form.problem(f'{told}; write words and texts as in [timestamp, ".", body]; words: {", ".join(words)}', "signed")
        parts.append(text.encode())
    _check_parts(form, parts)
    return tuple(parts)


def _check_parts(form: Node, parts: list[Part | bytes]) -> None:
    """One body, and a mark between any two parts: what is joined must come apart in one way only."""
    if parts.count(Part.BODY) != 1:
        form.problem("must hold body, once: what is not signed is not the sender's", "signed")
    between = b"."
    last: Part | None = None
    for part in parts:
        if not isinstance(part, Part):
            between += part
            continue
        if last is not None and not _MARK.search(between):
            told = f"nobody can tell where {last} ends and {part} begins; put a text with a mark between, as"
            form.problem(f'{told} "."', "signed")
        last, between = part, b""
