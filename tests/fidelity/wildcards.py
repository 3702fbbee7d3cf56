"""Recordings in which the values of one run were replaced: what a value must look like to stand where a token stands.

Tokens are `<name>` or `<name:N>`, also inside longer text; N tells values of one kind apart, so one token stands for one value in
the whole sample. `<timestamp:T>` stands for any time that is written as finely as T. A few bare words stand for whole values. A token
without a form here is an error, never a match."""

import re
from collections.abc import Mapping
from typing import Any, Final

_UUID: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_IP: Final = r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-f:]*:[0-9a-f:]+"
_MS: Final = r"[0-9]{13}"
_ISO: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z"
_NAME: Final = r"[A-Za-z0-9._/-]+"
_HEX32: Final = r"[0-9a-f]{32}"
_BASE64: Final = r"[A-Za-z0-9+/_-]+={0,2}"
_HTTPS: Final = r"https://[a-z0-9.-]+"
_CLF: Final = r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} \+0000"
_TRACE: Final = r"(Self=\S+;)?Root=1-[0-9a-f]{8}-[0-9a-f]{24}.*"

TEXTS: Final[Mapping[str, str]] = {
    "uuid": _UUID,
    "region": r"[a-z]{2}(-[a-z]+)+-[0-9]",
    "partition": r"aws(-cn|-us-gov)?",
    "resource": _NAME,
    "bucket": _NAME,
    "bucket-name": _NAME,
    "key-name": r".+",
    "object-key": r".+",
    "config-id": r".+",
    "rule-name": _NAME,
    "principal-id": r"(AWS:)?A[A-Z0-9]{10,}(:.+)?",
    "ip-address": _IP,
    "source-ip": _IP,
    "origin": _IP,
    "requester": r"[0-9]{12}|[a-z0-9.]+\.amazonaws\.com",
    "event-i-d": _HEX32,
    "sequence-number": r"[0-9]{20,56}",
    "receipt-handle": _BASE64,
    "approximate-first-receive-timestamp": _MS,
    "md5-of-body": _HEX32,
    "m-d5-of-body": _HEX32,
    "queue-url": r".+",
    "signature": _BASE64,
    "cert-domain": _HTTPS,
    "unsubscribe-domain": _HTTPS,
    "signing-cert-file": r"[0-9a-f]+\.pem",
    "host": r"[a-z0-9.-]+(:[0-9]+)?",
    "domain": r"[a-z0-9.-]+(:[0-9]+)?",
    "via": r"[0-9.]+ .+",
    "cf-id": _BASE64,
    "cloudfront-asn": r"[0-9]+",
    "cloudfront-country": r"[A-Z]{2}",
    "trace-id": _TRACE,
    "x-amzn-trace-id": _TRACE,
    "x-amzn-tls-version": r"TLSv1\.[0-9]",
    "x-amzn-tls-cipher-suite": r"[A-Z0-9_-]+",
    "X-Forwarded-For": rf"({_IP})(, ({_IP}))*",
    "X-Forwarded-Port": r"[0-9]+",
    "X-Forwarded-Proto": r"https?",
    "x-forwarded-port": r"[0-9]+",
    "x-forwarded-proto": r"https?",
    "api-id": r"[a-z0-9]{10}",
    "deployment-id": r"[a-z0-9]{6}",
    "resource-id": r"[a-z0-9]{6,10}",
    "extended-request-id": _BASE64,
    "request-id": _UUID,
    "log-stream-name": r"[0-9]{4}/[0-9]{2}/[0-9]{2}/\[\$LATEST\][0-9a-f]{32}",
    "shard-id": r"shardId-[0-9]{20}-[0-9a-f]{8}",
    "start-sequence-number": r"[0-9]{20,56}",
    "request-time": _CLF,
}
NUMBERS: Final = frozenset({"approximate-creation-datetime", "approximate-arrival-timestamp", "request-time-epoch"})
WORDS: Final[Mapping[str, str]] = {
    "date": _ISO,
    "sequencer": r"[0-9A-F]{18}",
    "object-sequencer": r"[0-9A-F]{18}",
    "amz-id": _BASE64,
    "amz-request-id": r"[0-9A-Z]{16}",
    "request-id": r"[0-9A-Z]{16}",
    "version-id": r"[A-Za-z0-9._-]{1,64}",
    "sender-id": r"A[A-Z0-9]{10,}(:.+)?",
    "sent-timestamp": _MS,
}
LISTED: Final = frozenset({"<X-Forwarded-For>", "<X-Forwarded-Port>", "<X-Forwarded-Proto>"})  # a bare token for a list of one

_TOKEN: Final = re.compile(r"<([A-Za-z0-9-]+)(:[0-9]+)?>")
_TIME: Final = re.compile(r"<timestamp:([0-9TZ.:-]+)>")


class Tokens:
    """The tokens of one sample and the values they came to."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def agree(self, template: str, ours: Any) -> bool:
        """Whether *ours* can stand where *template* stands."""
        if template in LISTED and isinstance(ours, list):
            return len(ours) == 1 and self.agree(template, ours[0])
        whole = _TOKEN.fullmatch(template)
        if whole and whole[1] in NUMBERS:
            return isinstance(ours, int | float) and not isinstance(ours, bool)
        if not isinstance(ours, str):
            return False
        if time := _TIME.fullmatch(template):
            return re.fullmatch(re.sub("[0-9]", "[0-9]", re.escape(time[1])), ours) is not None
        if template in WORDS:
            return re.fullmatch(WORDS[template], ours, re.DOTALL) is not None
        return self._fits(template, ours)

    def _fits(self, template: str, ours: str) -> bool:
        pattern, end, tokens = "", 0, []
        for token in _TOKEN.finditer(template):
            pattern += re.escape(template[end : token.start()]) + f"(?P<t{len(tokens)}>{TEXTS[token[1]]})"
            tokens.append(token[0])
            end = token.end()
        match = re.fullmatch(pattern + re.escape(template[end:]), ours, re.DOTALL)
        if match is None:
            return False
        values = [(token, match[f"t{number}"]) for number, token in enumerate(tokens)]
        return all(":" not in token or self._values.setdefault(token, value) == value for token, value in values)
