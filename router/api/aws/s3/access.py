"""Who sends a request to S3, and what they may do: signatures in headers, in presigned URLs of both versions, in forms."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from router import names
from router.api.aws.gate import Gate
from router.api.aws.s3.errors import S3Error, of_signature
from router.api.aws.service import Need
from router.credentials import signed
from router.events.http import Request
from router.iam import payload, post_policy, sigv2
from router.iam.auth_errors import AuthFailure
from router.iam.callers import Caller
from router.iam.claims import ALGORITHM
from router.iam.policy import Policy
from router.iam.sigv4 import UNSIGNED_PAYLOAD, Verified
from router.iam.variables import Context

SERVICE: Final = "s3"
_HASH: Final = "x-amz-content-sha256"


class Sender(NamedTuple):
    """Who sent a request, and how its body is checked."""

    caller: Caller
    verified: Verified | None  # None: nothing is said of the body
    context: Context

    @property
    def plain(self) -> bool:
        """Whether the body is sent as it is, and nothing is said of it."""
        return self.verified is None or self.verified.payload == UNSIGNED_PAYLOAD

    def body(self, headers: Iterable[tuple[str, str]]) -> payload.Body:
        """The body that was announced. Raises AuthFailure."""
        return payload.Whole(payload.Mode()) if self.verified is None else payload.body_of(self.verified, headers)


class Access:
    """The gate, as S3 asks it."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.region, self.account = gate.region, gate.account

    def identify(self, request: Request, hosted: str = "") -> Sender:
        """Who signed a request. *hosted*: the bucket, where it stands in the Host. Raises S3Error, JournalError."""
        try:
            if sigv2.is_signed(request.query) and "X-Amz-" not in request.query:
                return self._version_2(request, hosted)
            caller, verified, context = self._gate.admit_head(request, SERVICE, lambda: _payload(request))
            return Sender(caller, verified, {**context, "s3:x-amz-content-sha256": (verified.payload,)})
        except AuthFailure as failure:
            raise of_signature(failure) from failure

    def _version_2(self, request: Request, hosted: str) -> Sender:
        signable = signed(request)
        claimed = sigv2.read(signable)
        sigv2.check_time(claimed, self._gate.now)
        caller, secret = self._gate.realm().find(claimed.key_id, claimed.token, self._gate.now)
        sigv2.verify(signable, claimed, secret, bucket=hosted)
        return self._sender(request, caller, "AWS", "REST-QUERY-STRING")

    def identify_form(self, request: Request, fields: Mapping[str, str], bucket: str) -> tuple[Sender, post_policy.Policy]:
        """Who signed a form, and what its policy allows; that it is what it sends is checked. *fields*: names lower-case. Raises S3Error."""
        now = self._gate.now
        try:
            posted = post_policy.read(fields, self._gate.where(SERVICE))
            caller, secret = self._gate.realm().find(posted.key_id, posted.token, now)
            post_policy.verify(posted, secret)
            policy = post_policy.policy_of(posted)
            post_policy.check(policy, fields, bucket=bucket, now=now)
        except AuthFailure as failure:
            raise of_signature(failure) from failure
        return self._sender(request, caller, "AWS" if posted.signed is None else ALGORITHM, "POST"), policy

    def _sender(self, request: Request, caller: Caller, version: str, form: str) -> Sender:
        """Who signed no body: by which version of signatures, and in what form."""
        context = self._gate.context(request, caller, None)
        return Sender(caller, None, {**context, "s3:signatureversion": (version,), "s3:authtype": (form,)})

    def denied(self, sender: Sender, need: Need, resource: Policy | None = None) -> str:
        """Why the sender may not; "" when they may. *resource*: the policy of the resource itself; buckets have none."""
        return self._gate.refusal(sender.caller, sender.context, need, resource)

    def require(self, sender: Sender, need: Need, resource: Policy | None = None) -> None:
        """Raises S3Error: AccessDenied."""
        if why := self.denied(sender, need, resource):
            raise S3Error("AccessDenied", why)

    def may_list(self, sender: Sender, bucket: str) -> bool:
        """Whether the sender may know which keys there are not."""
        return not self.denied(sender, Need("s3:ListBucket", names.bucket_arn(bucket)))


def _payload(request: Request) -> str:
    """The last line of the canonical form. Raises S3Error."""
    if found := request.header(_HASH):
        return found
    if not request.header("authorization"):
        return UNSIGNED_PAYLOAD
    raise S3Error("MissingSecurityHeader", f"Missing required header for this request: {_HASH}", MissingHeaderName=_HASH)


def arn(bucket: str, key: str = "") -> str:
    """Of a bucket, or of an object."""
    return f"{names.bucket_arn(bucket)}/{key}" if key else names.bucket_arn(bucket)
