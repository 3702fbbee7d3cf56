"""The webhook trigger as config.yaml spells it: what it comes to, and every mistake in one clear sentence."""

from base64 import b64encode
from pathlib import Path

import pytest

from router.config.document import parsed
from router.config.types import Listen, Names
from router.events.webhook import Key
from router.events.webhook_grammar import ANY_ID, PLAIN_ID
from router.events.webhook_keys import HmacKey, NoKey, TokenKey
from router.events.webhook_schemes import GITHUB, SHOPIFY, SLACK, GitLab, GitLabToken, Part, Signed, Standard, Stripe, Unsigned
from router.sources import SOURCES, TRIGGERS
from router.sources.http import HttpSource
from router.sources.webhook_trigger import PROVIDERS, WebhookTrigger

WHSEC = "whsec_" + b64encode(bytes(32)).decode()
WHPK = "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
LOOPBACK = Listen("tcp", "127.0.0.1", 8080)
PUBLIC = Listen("tcp", "0.0.0.0", 8080)


def read(yaml: str, environ: dict[str, str] | None = None) -> tuple[WebhookTrigger, tuple[str, ...]]:
    """The trigger under `webhook` in this YAML, and the mistakes noted."""
    document, root = parsed(f"webhook: {yaml}\n", Path("config.yaml"), environ or {})
    node = root.child("webhook")
    assert node is not None
    return WebhookTrigger.read(node, Names({}, {})), document.problems.lines()


def good(yaml: str, environ: dict[str, str] | None = None) -> WebhookTrigger:
    trigger, mistakes = read(yaml, environ)
    assert mistakes == ()
    return trigger


def names(keys: tuple[Key, ...]) -> list[str]:
    return [key.name for key in keys]


def test_the_table_of_sources_knows_it() -> None:
    assert SOURCES["webhook"] is HttpSource
    assert TRIGGERS["webhook"] is WebhookTrigger


def test_the_form_of_the_design() -> None:
    trigger = good('{path: /hooks/github, provider: github, secret: "${env:HOOK}"}', {"HOOK": "hush-hush"})
    assert (trigger.route.key, trigger.claim) == ("POST /hooks/github", "route POST /hooks/github")
    assert trigger.scheme is GITHUB
    assert trigger.keys == (HmacKey("env:HOOK", b"hush-hush"),)
    assert (trigger.tolerance, trigger.body_limit) == (300, 1024 * 1024)
    assert "hush" not in repr(trigger)


@pytest.mark.parametrize(
    ("provider", "secret", "scheme"),
    [
        ("github", "s", GITHUB),
        ("gitlab", WHSEC, GitLab()),
        ("gitlab-token", "s", GitLabToken()),
        ("stripe", "whsec_anything", Stripe()),
        ("slack", "s", SLACK),
        ("shopify", "s", SHOPIFY),
        ("standard", WHSEC, Standard()),
        ("standard", WHPK, Standard()),
    ],
)
def test_providers(provider: str, secret: str, scheme: object) -> None:
    trigger = good(f'{{path: /x, provider: {provider}, secret: "{secret}"}}')
    assert trigger.scheme == scheme
    assert len(trigger.keys) == 1


def test_two_secrets_while_one_replaces_another() -> None:
    trigger = good('{path: /x, provider: github, secrets: ["${env:NEW}", old]}', {"NEW": "n"})
    assert trigger.keys == (HmacKey("env:NEW", b"n"), HmacKey("secrets[1]", b"old"))


def test_stripes_secret_is_used_as_it_is_spelled() -> None:
    assert good("{path: /x, provider: stripe, secret: whsec_abc}").keys == (HmacKey("secret", b"whsec_abc"),)


def test_gitlab_with_both_kinds() -> None:
    trigger = good(f'{{path: /x, provider: gitlab, secret: {WHSEC}, token: "${{env:T}}"}}', {"T": "token-1"})
    assert trigger.scheme == GitLab(plain=True)
    assert names(trigger.keys) == ["secret", "env:T"]
    assert isinstance(trigger.keys[1], TokenKey)


def test_auth_none() -> None:
    assert good("{path: /x, auth: none}").keys == (NoKey(),)
    assert good("{path: /x, auth: none, id_header: X-Id}").scheme == Unsigned(id_headers=("x-id",))


def test_an_hmac_of_ones_own() -> None:
    trigger = good(
        "{path: /x, provider: hmac, secret: c0ffee, secret_encoding: hex, header: X-Sign, algorithm: sha512, encoding: base64,"
        ' prefix: "v1=", signed: [timestamp, ".", id, ".", body], timestamp_header: X-Time, id_header: X-Id, tolerance: 60}'
    )
    parts = (Part.TIMESTAMP, b".", Part.ID, b".", Part.BODY)
    assert trigger.scheme == Signed("hmac", "x-sign", parts, "base64", "sha512", "v1=", "x-time", ("x-id",), PLAIN_ID)
    assert trigger.keys == (HmacKey("secret", b"\xc0\xff\xee"),)
    assert trigger.tolerance == 60


def test_the_shortest_hmac_signs_the_body_alone() -> None:
    scheme = good("{path: /x, provider: hmac, secret: s, header: X-Sign, id_header: X-Id}").scheme
    assert scheme == Signed("hmac", "x-sign", id_headers=("x-id",), id_form=ANY_ID)


@pytest.mark.parametrize(("text", "size"), [("1KB", 1024), ("256KB", 256 * 1024), ("1MB", 1024 * 1024)])
def test_body_limits(text: str, size: int) -> None:
    assert good(f"{{path: /x, auth: none, body_limit: {text}}}").body_limit == size


def test_a_path_may_have_variables() -> None:
    assert good("{path: '/hooks/{tenant}', auth: none}").claim == "route POST /hooks/{}"


OF_HMAC = "path: /x, provider: hmac, secret: s, header: X-Sign"


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        (
            "/hooks",
            "webhook.provider: is required: one of github, gitlab, gitlab-token, stripe, slack, shopify, standard, hmac; or auth: none",
        ),
        ("{provider: github, secret: s}", "webhook.path: is required"),
        ("{path: hooks, provider: github, secret: s}", "is not a path; write /hooks/github"),
        ("{path: /a//b, provider: github, secret: s}", "has an empty segment"),
        ("{path: /_url/f, provider: github, secret: s}", "belong to function URLs"),
        ("{path: /x, provider: gihub, secret: s}", "one of github"),
        ("{path: /x, provider: none}", "one of github"),
        ("{path: /x, provider: github}", "webhook.secret: is required"),
        ("{path: /x, provider: github, secret: ''}", "is empty: anybody could sign with it"),
        ("{path: /x, provider: github, secret: }", "no value given"),
        ("{path: /x, provider: github, secrets: []}", "1 to 8 secrets"),
        ("{path: /x, provider: github, secrets: [a, b, c, d, e, f, g, h, i]}", "1 to 8 secrets"),
        ("{path: /x, provider: github, secrets: [a, '']}", "webhook.secrets[1]: is empty"),
        ("{path: /x, provider: github, secrets: [a, a]}", "the same secret stands twice"),
        ("{path: /x, provider: github, secrets: a}", "must be a list"),
        ("{path: /x, provider: github, secret: a, secrets: [b]}", "write either secret or secrets"),
        ("{path: /x, provider: standard, secret: plain}", "begins neither with whsec_ nor with whpk_"),
        ("{path: /x, provider: gitlab, token: t}", "webhook.secret: is required"),
        (f"{{path: /x, provider: gitlab, secret: {WHSEC}, token: ''}}", "webhook.token: is empty"),
        ("{path: /x, provider: github, secret: s, token: t}", "only for provider: gitlab"),
        ("{path: /x, provider: github, secret: s, header: X-Y}", "only for provider: hmac; github says it itself"),
        ("{path: /x, provider: github, secret: s, id_header: X-Y}", "only for provider: hmac"),
        ("{path: /x, provider: github, secret: s, tolerance: 60}", "github signs no time"),
        ("{path: /x, provider: stripe, secret: s, tolerance: 0}", "outside 1 s to 24 h"),
        ("{path: /x, provider: github, secret: s, body_limit: 2MB}", "is outside 1KB to 1MB"),
        ("{path: /x, provider: github, secret: s, body_limit: 0KB}", "is outside 1KB to 1MB"),
        ("{path: /x, provider: github, secret: s, body_limit: many}", "is not a size"),
        ("{path: /x, provider: github, secret: s, body_limit: 1024}", "is not a size"),
        ("{path: /x, auth: none, provider: github}", "auth: none verifies nothing"),
        ("{path: /x, auth: none, secret: s}", "auth: none verifies nothing"),
        ("{path: /x, auth: none, tolerance: 5}", "none signs no time"),
        ("{path: /x, auth: maybe, provider: github, secret: s}", "one of signature, none"),
        ("{path: /x, provider: github, secret: s, sercet: t}", "did you mean secret"),
        ("{path: /x, provider: hmac, secret: s}", "webhook.header: is required"),
        (f"{{{OF_HMAC}, algorithm: md5}}", "one of sha1, sha256, sha384, sha512"),
        (f"{{{OF_HMAC}, encoding: base32}}", "one of hex, base64"),
        ("{path: /x, provider: hmac, secret: s, header: 'X Y'}", "is not a header's name"),
        (f"{{{OF_HMAC}, prefix: 'a b'}}", "visible ASCII"),
        (f"{{{OF_HMAC}, secret_encoding: hex}}", "is not hex, as secret_encoding says"),
        (f'{{{OF_HMAC}, signed: [timestamp, ".", body]}}', "webhook.timestamp_header: is required: the timestamp is among what is signed"),
        (f"{{{OF_HMAC}, timestamp_header: X-T}}", "timestamp is not among what is signed, so anybody could change it"),
        (f'{{{OF_HMAC}, signed: [id, ".", body]}}', "webhook.id_header: is required"),
        (f"{{{OF_HMAC}, signed: [method]}}", "must hold body, once"),
        (f'{{{OF_HMAC}, signed: [body, ".", body]}}', "must hold body, once"),
        (f"{{{OF_HMAC}, id_header: X-I, signed: [id, body]}}", "nobody can tell where id ends and body begins"),
        (f"{{{OF_HMAC}, id_header: X-I, signed: [id, v1-, body]}}", "nobody can tell where id ends and body begins"),
        (f'{{{OF_HMAC}, signed: [bdy, ".", body]}}', "'bdy' is no part, did you mean body?"),
        (f'{{{OF_HMAC}, signed: "{{timestamp}}.{{body}}"}}', "is no part"),
        (f"{{{OF_HMAC}, tolerance: 60}}", "hmac signs no time"),
    ],
)
def test_a_mistake_is_told(yaml: str, told: str) -> None:
    trigger, mistakes = read(yaml)
    assert told in "\n".join(mistakes), mistakes
    assert isinstance(trigger.claim, str)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_message_quotes_a_secret(provider: str) -> None:
    secret = "hush-hush-ü not-a-secret"
    _, mistakes = read(f"{{path: 7, provider: {provider}, secret: '{secret}', secrets: ['{secret}', '{secret}'], token: '{secret}'}}")
    assert mistakes
    assert "hush" not in "".join(mistakes)


def test_secrets_are_known_to_the_redaction() -> None:
    yaml = f"webhook: {{path: /x, provider: gitlab, secrets: [{WHSEC}, {WHPK}], token: plain-token}}\n"
    document, root = parsed(yaml, Path("config.yaml"), {})
    node = root.child("webhook")
    assert node is not None
    WebhookTrigger.read(node, Names({}, {}))
    assert document.references.secrets == {WHSEC, WHPK, "plain-token"}


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        ("{path: /x, auth: none}", "POST /x takes what anybody sends"),
        ("{path: /x, provider: gitlab-token, secret: s}", "crosses the network as it is"),
        (f"{{path: /x, provider: gitlab, secret: {WHSEC}, token: s}}", "crosses the network as it is"),
    ],
)
def test_what_an_operator_should_know(yaml: str, told: str) -> None:
    trigger = good(yaml)
    for listen in (PUBLIC, Listen("systemd"), Listen("tcp", "::", 80), Listen("tcp", "127.0.0.1.example", 80)):
        (note,) = trigger.notes(listen)
        assert told in note
    for listen in (LOOPBACK, Listen("tcp", "::1", 80), Listen("tcp", "localhost", 80), Listen("off"), Listen("unix", path=Path("/x"))):
        assert list(trigger.notes(listen)) == []


def test_what_is_signed_needs_no_note() -> None:
    assert list(good("{path: /x, provider: github, secret: s}").notes(PUBLIC)) == []
