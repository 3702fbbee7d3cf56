"""Webhook signatures: the vectors, what is signed in no header, and what no header may hold."""

import hashlib
import hmac
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.events import webhook_grammar as grammar
from router.events import webhook_keys as keys
from router.events.webhook import (
    REMEMBERED,
    REMEMBERED_UNTIMED,
    Claim,
    Reason,
    Refusal,
    Scheme,
    Verified,
    bearer,
    judge_time,
    verify,
)
from router.events.webhook_keys import BadSecret, HmacKey, NoKey, TokenKey
from router.events.webhook_schemes import GITHUB, SHOPIFY, SLACK, GitLab, GitLabToken, Part, Signed, Standard, Stripe, Unsigned
from tests.helpers.webhooks import ACCEPTED, REFUSED, Vector, github, named, request, slack, standard, stripe

SCHEMES: dict[str, Scheme] = {
    "github": GITHUB,
    "gitlab": GitLab(),
    "gitlab-token": GitLabToken(),
    "shopify": SHOPIFY,
    "slack": SLACK,
    "standard": Standard(),
    "stripe": Stripe(),
}
MAKERS: dict[str, keys.Maker] = {"standard": keys.standard, "gitlab": keys.standard, "gitlab-token": keys.token}
NOW = 1_700_000_000
BODY = b'{"id":"evt_1"}'
MATERIAL = bytes(range(32))
WHSEC = "whsec_" + b64encode(MATERIAL).decode()


def key(vector: Vector) -> keys.Key:
    return MAKERS.get(vector.provider, keys.shared)("secret", vector.secret)


def judge(vector: Vector) -> Verified:
    return verify(SCHEMES[vector.provider], [key(vector)], vector.request, now=vector.now)


def why(scheme: Scheme, held: list[Any], headers: dict[str, str], body: bytes = BODY, *, now: float = NOW) -> str:
    try:
        verify(scheme, held, request(headers, body), now=now)
    except Refusal as refusal:
        return refusal.reason.value
    return ""


# -- the vectors


@pytest.mark.parametrize("vector", ACCEPTED, ids=named)
def test_what_the_vectors_accept_is_accepted(vector: Vector) -> None:
    verified = judge(vector)
    assert verified.key == "secret"
    assert verified.delivery, "there is a name for every delivery, or a repetition would not be known"


@pytest.mark.parametrize("vector", REFUSED, ids=named)
def test_what_the_vectors_refuse_is_refused_for_their_reason(vector: Vector) -> None:
    with pytest.raises(Refusal) as refused:
        judge(vector)
    assert refused.value.reason.value == vector.why


def test_the_vectors_are_all_here() -> None:
    assert (len(ACCEPTED), len(REFUSED)) == (14, 14)
    assert {vector.provider for vector in ACCEPTED} == SCHEMES.keys() - {"gitlab"}


@pytest.mark.parametrize("vector", [ACCEPTED[8], ACCEPTED[-1]], ids=named)
def test_gitlab_takes_both_kinds_where_it_is_told_to(vector: Vector) -> None:
    scheme, held = GitLab(plain=True), [keys.standard("signing", WHSEC), keys.token("token", "glwt-router-token-1")]
    assert verify(scheme, held, vector.request, now=vector.now).key == ("signing" if vector.provider == "standard" else "token")
    assert why(GitLab(), [held[1]], {"X-Gitlab-Token": "glwt-router-token-1"}) == "missing"


def test_a_signed_gitlab_delivery_is_not_saved_by_its_token() -> None:
    scheme, held = GitLab(plain=True), [keys.standard("signing", WHSEC), keys.token("token", "shared")]
    signed = standard(MATERIAL, BODY, NOW, "msg_1") | {"X-Gitlab-Token": "shared"}
    assert why(scheme, held, signed) == ""
    assert why(scheme, held, signed, BODY + b" ") == "mismatch"
    del signed["webhook-signature"]
    assert why(scheme, held, signed) == "missing", "a stripped signature is no unsigned delivery"


@pytest.mark.parametrize("vector", [vector for vector in ACCEPTED if vector.provider == "standard"], ids=named)
def test_gitlab_does_not_take_svixs_names(vector: Vector) -> None:
    taken = any(name.startswith("webhook-") for name in vector.headers)
    assert why(GitLab(), [key(vector)], vector.headers, vector.body, now=vector.now) == ("" if taken else "missing")


# -- nothing may be changed


def changed(data: st.DataObject, text: bytes) -> bytes:
    """One byte put, dropped or replaced."""
    at = data.draw(st.integers(0, len(text)), "at")
    kind = data.draw(st.sampled_from(["put", "drop", "replace"]), "kind")
    byte = data.draw(st.integers(0, 255).map(lambda number: bytes([number])), "byte")
    return text[:at] + (b"" if kind == "drop" else byte) + text[at + (kind != "put") :]


SIGNED = [vector for vector in ACCEPTED if vector.provider != "gitlab-token"]


@given(data=st.data(), vector=st.sampled_from(SIGNED))
def test_no_byte_of_a_signed_body_can_be_changed(data: st.DataObject, vector: Vector) -> None:
    body = changed(data, vector.body)
    if body != vector.body:
        assert why(SCHEMES[vector.provider], [key(vector)], vector.headers, body, now=vector.now) == "mismatch"


@settings(max_examples=400)
@given(data=st.data(), vector=st.sampled_from(ACCEPTED))
def test_no_byte_of_a_header_can_be_changed(data: st.DataObject, vector: Vector) -> None:
    """But for ids that their sender does not sign, and for entries of a list that count for nothing."""
    names = [name for name in vector.headers if name not in ("X-GitHub-Delivery", "X-Shopify-Webhook-Id")]
    name = data.draw(st.sampled_from(names))
    value = changed(data, vector.headers[name].encode()).decode("latin-1")
    refused = why(SCHEMES[vector.provider], [key(vector)], vector.headers | {name: value}, vector.body, now=vector.now)
    used = {"standard": ("v1,", "v1a,"), "stripe": ("t=", "v1=")}.get(vector.provider)
    if used is None or "," not in vector.headers[name]:
        assert refused or value == vector.headers[name]
    elif not refused:
        separator = "," if vector.provider == "stripe" else " "
        before, after = vector.headers[name].split(separator), value.split(separator)
        lost = [entry for entry in before if entry.startswith(used) and entry not in after]
        assert len(lost) <= (vector.headers[name].count("v1") > 1), "an entry that counts was changed, and it did not matter"


@given(at=st.integers(0, 10**12 - 1), provider=st.sampled_from(["slack", "stripe", "standard"]))
def test_no_other_time_fits_a_signature(at: int, provider: str) -> None:
    vector = next(vector for vector in ACCEPTED if vector.provider == provider)
    headers = {name: value.replace(str(NOW), str(at)) for name, value in vector.headers.items()}
    refused = why(SCHEMES[provider], [key(vector)], headers, vector.body, now=at)
    assert bool(refused) == (headers != vector.headers)


any_headers = st.dictionaries(
    st.sampled_from(
        [name for vector in (*ACCEPTED, *REFUSED) for name in vector.headers] + ["Idempotency-Key", "X-Gitlab-Event-UUID"],
    ),
    st.one_of(
        st.text("0129٣\ud800üé,=. +/_vat\n\0", max_size=80),
        st.binary(max_size=80).map(lambda raw: raw.decode("latin-1")),
        st.sampled_from(["v1,", "t=1,v1=", "sha256=", "v0=", " ", ",", "t=" + "9" * 5000, "v1," * 20, "\ud800", "٣", "1_000"]),
    ),
)


@settings(max_examples=400)
@given(headers=any_headers, body=st.binary(max_size=100), provider=st.sampled_from(sorted(SCHEMES)))
def test_no_header_makes_it_do_anything_but_refuse(headers: dict[str, str], body: bytes, provider: str) -> None:
    held = [keys.shared("a", "one"), keys.standard("b", WHSEC), keys.token("c", "three")]
    assert why(SCHEMES[provider], held, headers, body, now=NOW) in set(Reason) - {Reason.REPLAY}


# -- the grammar


def test_a_header_that_stands_twice_is_refused() -> None:
    vector = ACCEPTED[0]
    twice = vector.request._replace(headers=[*vector.request.headers, ("x-hub-signature-256", vector.headers["X-Hub-Signature-256"])])
    with pytest.raises(Refusal, match="malformed"):
        verify(GITHUB, [key(vector)], twice, now=NOW)


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_header_is_refused(value: str) -> None:
    assert why(GITHUB, [keys.shared("s", "s")], {"X-Hub-Signature-256": value}) == "malformed"
    assert why(GITHUB, [keys.shared("s", "s")], github("s", BODY, "") | {"X-GitHub-Delivery": value}) == "malformed"


@pytest.mark.parametrize("text", ["", "+1", " 1", "1 ", "1_0", "-1", "1.0", "٣", "1" * 13, "0x1", "1\n"])
def test_what_is_no_timestamp(text: str) -> None:
    with pytest.raises(Refusal, match="malformed"):
        grammar.timestamp(text)


@given(st.text())
def test_a_timestamp_is_digits_and_nothing_else(text: str) -> None:
    try:
        assert str(grammar.timestamp(text)) == text.lstrip("0").rjust(1, "0")
    except Refusal:
        assert not (text.isascii() and text.isdigit() and len(text) <= 12)


@given(st.binary(min_size=32, max_size=32), st.sampled_from(["hex", "base64"]))
def test_a_digest_has_one_spelling(raw: bytes, encoding: grammar.Encoding) -> None:
    text = raw.hex() if encoding == "hex" else b64encode(raw).decode()
    assert grammar.digest(text, encoding, 32) == raw
    for other in (text.upper(), text + "\n", " " + text, text[:-1], text.replace("=", ""), text.replace("+", "-").replace("/", "_")):
        if other != text and not (encoding == "base64" and len(other) == len(text) and other.endswith("=")):
            with pytest.raises(Refusal):
                grammar.digest(other, encoding, 32)


def test_base64_with_stray_bits_is_refused() -> None:
    assert grammar.base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 32) == bytes(32)
    with pytest.raises(Refusal):
        grammar.base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=", 32)


@pytest.mark.parametrize(("count", "reason"), [(16, ""), (17, "malformed")])
def test_a_list_of_signatures_ends_somewhere(count: int, reason: str) -> None:
    one = standard(MATERIAL, BODY, NOW, "msg_1")
    one["webhook-signature"] = " ".join([f"v1,{b64encode(bytes(32)).decode()}"] * (count - 1) + [one["webhook-signature"]])
    assert why(Standard(), [keys.standard("s", WHSEC)], one) == reason
    other = stripe("s", BODY, NOW)
    other["Stripe-Signature"] += f",v1={'0' * 64}" * (count - 1)
    assert why(Stripe(), [keys.shared("s", "s")], other) == reason


@pytest.mark.parametrize("value", ["v1", "v2", f"v1,{b64encode(bytes(31)).decode()}", "v1,x  v1,y", "v1a,AAAA"])
def test_a_broken_entry_breaks_the_list(value: str) -> None:
    headers = standard(MATERIAL, BODY, NOW, "msg_1") | {"webhook-signature": value}
    assert why(Standard(), [keys.standard("s", WHSEC)], headers) == "malformed"


def test_versions_that_nobody_knows_are_no_signature() -> None:
    headers = standard(MATERIAL, BODY, NOW, "msg_1")
    headers["webhook-signature"] = headers["webhook-signature"].replace("v1", "v3")
    assert why(Standard(), [keys.standard("s", WHSEC)], headers) == "mismatch"


# -- time


@pytest.mark.parametrize(
    ("off", "reason"), [(0, ""), (300, ""), (-300, ""), (300.001, "stale"), (-300.001, "future"), (1e9, "stale"), (-1e9, "future")]
)
def test_the_window_is_two_sided(off: float, reason: str) -> None:
    if not reason:
        judge_time(Claim(at=NOW), NOW + off, 300)
        return
    with pytest.raises(Refusal, match=reason):
        judge_time(Claim(at=NOW), NOW + off, 300)


def test_what_is_not_timed_is_never_late() -> None:
    judge_time(Claim(), 1e12, 1)


# -- keys


def test_any_of_several_secrets_will_do_and_is_named() -> None:
    held = [keys.shared("new", "n"), keys.shared("old", "o")]
    for secret, name in (("n", "new"), ("o", "old")):
        assert verify(GITHUB, held, request(github(secret, BODY, "1"), BODY), now=NOW).key == name
    assert why(GITHUB, held, github("other", BODY, "1")) == "mismatch"


def test_every_secret_is_tried_whichever_fits() -> None:
    tried = []

    class Told(NoKey):
        def bears(self, claim: Claim) -> bool:
            tried.append(self.name)
            return True

    assert bearer(Claim(), [Told("a"), Told("b"), Told("c")]).name == "a"
    assert tried == ["a", "b", "c"]
    with pytest.raises(Refusal, match="mismatch"):
        bearer(Claim(), [])


def test_every_signature_is_compared_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append(other) or one == other)
    own = hmac.digest(b"s", b"m", "sha256")
    assert HmacKey("s", b"s").bears(Claim(b"m", (own, b"x", own)))
    assert compared == [own, b"x", own]


def test_a_key_bears_nothing_out_that_is_not_offered() -> None:
    assert not HmacKey("s", b"s").bears(Claim(b"m", token="s"))
    assert not TokenKey("s", hashlib.sha256(b"s").digest()).bears(Claim(b"m", (hmac.digest(b"s", b"m", "sha256"),)))
    sealed = keys.standard("k", "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=")
    assert not sealed.bears(Claim(b"m", (hmac.digest(b"s", b"m", "sha256"),)))
    assert not sealed.bears(Claim(b"m", seals=(bytes(64), b"\xff" * 64)))


@pytest.mark.parametrize(
    ("make", "text", "told"),
    [
        (keys.shared, "", "is empty"),
        (keys.token, "", "is empty"),
        (keys.standard, "", "is empty"),
        (keys.token, "two words", "visible ASCII"),
        (keys.token, "geheimnüs", "visible ASCII"),
        (keys.standard, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "begins neither with whsec_ nor with whpk_"),
        (keys.standard, "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "private key"),
        (keys.standard, "whsec_", "holds 0 bytes behind whsec_, not 24 to 64"),
        (keys.standard, "whsec_" + b64encode(bytes(23)).decode(), "holds 23 bytes"),
        (keys.standard, "whsec_" + b64encode(bytes(65)).decode(), "holds 65 bytes"),
        (keys.standard, "whsec_not base64!", "is not base64 behind whsec_"),
        (keys.standard, "whpk_" + b64encode(bytes(31)).decode(), "holds 31 bytes behind whpk_, not 32"),
        (lambda name, text: keys.shared(name, text, "hex"), "c0ffee0", "is not hex"),
        (lambda name, text: keys.shared(name, text, "hex"), "c0 ff ee", "is not hex"),
        (lambda name, text: keys.shared(name, text, "base64"), "c0ffee!", "is not base64"),
        (lambda name, text: keys.shared(name, text, "base64"), "\u0663", "is not base64"),
    ],
)
def test_what_is_no_secret(make: keys.Maker, text: str, told: str) -> None:
    with pytest.raises(BadSecret) as bad:
        make("s", text)
    assert told in str(bad.value)
    assert len(text) < 6 or text.rpartition("_")[2] not in str(bad.value) or text == "whsec_", "a message about a secret does not quote it"


@pytest.mark.parametrize("size", [24, 32, 64])
def test_secrets_of_every_allowed_length(size: int) -> None:
    assert keys.standard("s", "whsec_" + b64encode(bytes(size)).decode()) == HmacKey("s", bytes(size))


def test_encodings_of_shared_secrets() -> None:
    assert keys.shared("s", "c0ffee", "hex") == HmacKey("s", b"\xc0\xff\xee")
    assert keys.shared("s", "wP/u", "base64") == HmacKey("s", b"\xc0\xff\xee")
    assert keys.shared("s", "wP/u") == HmacKey("s", b"wP/u")


def test_no_key_shows_what_it_holds() -> None:
    shown = repr([keys.shared("n", "hush-hush"), keys.standard("n", WHSEC), keys.token("n", "hush-hush")])
    assert "hush" not in shown
    assert WHSEC[6:] not in shown
    assert repr(MATERIAL) not in shown


def test_without_the_library_an_ed25519_key_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryptography.exceptions", None)
    with pytest.raises(BadSecret, match=r"pip install 'event-router\[webhook\]'"):
        keys.standard("s", "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=")


# -- what a delivery is known by


def delivery(scheme: Scheme, headers: dict[str, str], body: bytes = BODY) -> str:
    return verify(scheme, [NoKey()], request(headers, body), now=NOW).delivery


def test_ids_name_a_delivery_and_signatures_where_there_is_none() -> None:
    signed = github("s", BODY, "guid-1")
    assert delivery(GITHUB, signed) == "guid-1"
    del signed["X-GitHub-Delivery"]
    assert delivery(GITHUB, signed) == "signature " + signed["X-Hub-Signature-256"].removeprefix("sha256=")
    assert delivery(Standard(), standard(MATERIAL, BODY, NOW, "msg_1")) == "msg_1"
    assert delivery(Unsigned(), {}) == ""
    assert delivery(Unsigned(id_headers=("x-id",)), {"X-Id": "7"}) == "7"


def test_a_retry_under_a_new_signature_is_the_same_delivery() -> None:
    event = b'{"type":"event_callback","event_id":"Ev1"}'
    for scheme, sign in ((SLACK, slack), (Stripe(), stripe)):
        body = event if scheme is SLACK else BODY
        assert delivery(scheme, sign("s", body, NOW), body) == delivery(scheme, sign("s", body, NOW - 9), body)


@pytest.mark.parametrize(
    "body", [b"", b"payload=%7B%7D", b"[1]", b'{"id":7}', b'{"id":"\\u00fc"}', b'{"id":"a', b'{"id":"' + b"x" * 256 + b'"}']
)
def test_without_an_id_in_the_body_what_was_signed_counts(body: bytes) -> None:
    for scheme, sign in ((SLACK, slack), (Stripe(), stripe)):
        first = delivery(scheme, sign("s", body, NOW), body)
        assert first == delivery(scheme, sign("s", body, NOW), body)
        assert first != delivery(scheme, sign("s", body, NOW - 1), body)


def test_of_stripes_macs_any_may_get_lost_on_the_way() -> None:
    headers, body = stripe("s", b"{}", NOW), b"{}"
    both = headers | {"Stripe-Signature": headers["Stripe-Signature"] + f",v1={'0' * 64}"}
    assert delivery(Stripe(), headers, body) == delivery(Stripe(), both, body)


def test_gitlabs_ids() -> None:
    headers = {"X-Gitlab-Token": "t", "X-Gitlab-Event-UUID": "event", "Idempotency-Key": "key"}
    assert delivery(GitLabToken(), headers) == "key"
    del headers["Idempotency-Key"]
    assert delivery(GitLabToken(), headers) == "event"
    del headers["X-Gitlab-Event-UUID"]
    assert delivery(GitLabToken(), headers) == "body " + hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize(
    ("scheme", "headers", "tolerance", "kept"),
    [
        (GITHUB, github("s", BODY, "1"), 300, REMEMBERED_UNTIMED),
        (Stripe(), stripe("s", BODY, NOW), 300, REMEMBERED),
        (Stripe(), stripe("s", BODY, NOW), 86_400, 2 * 86_400),
    ],
)
def test_how_long_it_is_known(scheme: Scheme, headers: dict[str, str], tolerance: float, kept: float) -> None:
    assert verify(scheme, [NoKey()], request(headers, BODY), now=NOW, tolerance=tolerance).remember == kept


# -- Slack's test of an address


def test_a_challenge_is_no_event() -> None:
    assert SLACK.challenge(b'{"token":"x","challenge":"3eZbrw1aB","type":"url_verification"}') == "3eZbrw1aB"


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"event_callback","text":"url_verification","challenge":"x"}',
        b'{"type":"url_verification"}',
        b'{"type":"url_verification","challenge":7}',
        b"url_verification",
        b'["url_verification"]',
        b'{"url_verification',
    ],
)
def test_what_is_no_challenge(body: bytes) -> None:
    assert SLACK.challenge(body) is None
    assert GITHUB.challenge(b'{"type":"url_verification","challenge":"x"}') is None


# -- the generic description

HOOK = Signed(
    "hmac",
    "x-sign",
    (Part.METHOD, b" ", Part.PATH, b"\n", Part.TIMESTAMP, b"\n", Part.ID, b"\n", Part.BODY),
    encoding="base64",
    algorithm="sha512",
    prefix="v=",
    timestamp_header="x-time",
    id_headers=("x-id",),
    id_form=grammar.PLAIN_ID,
)


def described(body: bytes, delivery: str = "d-1") -> dict[str, str]:
    signed = hmac.new(b"key", b"POST /hook\n1700000000\n" + delivery.encode() + b"\n" + body, hashlib.sha512).digest()
    return {"X-Sign": "v=" + b64encode(signed).decode(), "X-Time": "1700000000", "X-Id": delivery}


def test_every_part_can_be_signed() -> None:
    held: list[Any] = [keys.shared("k", "key")]
    assert verify(HOOK, held, request(described(BODY), BODY), now=NOW) == Verified("k", "d-1", REMEMBERED)
    assert why(HOOK, held, described(BODY) | {"X-Id": "d-2"}) == "mismatch"
    assert why(HOOK, held, described(BODY) | {"X-Id": "d.2"}) == "malformed"
    assert why(HOOK, held, described(BODY) | {"X-Time": "1700000001"}) == "mismatch"
    assert why(HOOK, held, {name: value for name, value in described(BODY).items() if name != "X-Id"}) == "missing"
    assert why(HOOK, held, {name: value for name, value in described(BODY).items() if name != "X-Time"}) == "missing"
    assert why(HOOK, held, described(BODY) | {"X-Sign": described(BODY)["X-Sign"][2:]}) == "malformed"
    with pytest.raises(Refusal, match="mismatch"):
        verify(HOOK, held, request(described(BODY), BODY, path="/hook2"), now=NOW)
    with pytest.raises(Refusal, match="mismatch"):
        verify(HOOK, held, request(described(BODY), BODY)._replace(method="PUT"), now=NOW)


@pytest.mark.parametrize(("algorithm", "size"), grammar.SIZES.items())
def test_algorithms(algorithm: str, size: int) -> None:
    scheme = Signed("hmac", "x-sign", algorithm=algorithm)
    signed = hmac.new(b"key", BODY, algorithm).hexdigest()
    assert len(signed) == 2 * size
    assert why(scheme, [keys.shared("k", "key")], {"X-Sign": signed}) == ""
    assert why(scheme, [keys.shared("k", "key")], {"X-Sign": signed[:-2]}) == "malformed"
