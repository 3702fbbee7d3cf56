"""Refusals in S3's words: code, status, text, and elements of their own.

Pure. Source: S3 API reference, "Error responses"; texts and elements as AWS's answers have them."""

from collections.abc import Mapping
from typing import Any, Final

from router.errors import RouterError
from router.iam.auth_errors import AuthFailure

_PART: Final = (
    "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not"
    " match the part's entity tag."
)
_UPLOAD: Final = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
_XML: Final = "The XML you provided was not well-formed or did not validate against our published schema"
_CONFLICT: Final = "The conditional request cannot succeed due to a conflicting operation against this resource."
_SLOW: Final = (
    "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed."
)

TOLD: Final[Mapping[str, tuple[int, str]]] = {
    "AccessControlListNotSupported": (400, "The bucket does not allow ACLs"),
    "AccessDenied": (403, "Access Denied"),
    "AccessForbidden": (403, "CORSResponse: This CORS request is not allowed."),
    "BadDigest": (400, "The Content-MD5 you specified did not match what we received."),
    "BucketAlreadyExists": (409, "The requested bucket name is not available."),
    "BucketAlreadyOwnedByYou": (409, "Your previous request to create the named bucket succeeded and you already own it."),
    "BucketNotEmpty": (409, "The bucket you tried to delete is not empty"),
    "ConditionalRequestConflict": (409, _CONFLICT),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed size"),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed size"),
    "IllegalLocationConstraintException": (
        400,
        "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
    ),
    "IncompleteBody": (400, "You did not provide the number of bytes specified by the Content-Length HTTP header"),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidArgument": (400, "Invalid Argument"),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidBucketOwnerAWSAccountID": (400, "The value of the expected bucket owner parameter must be an AWS account ID"),
    "InvalidDigest": (400, "The Content-MD5 you specified was invalid."),
    "InvalidLocationConstraint": (400, "The specified location-constraint is not valid"),
    "InvalidPart": (400, _PART),
    "InvalidPartNumber": (416, "The requested partnumber is not satisfiable"),
    "InvalidPartOrder": (400, "The list of parts was not in ascending order. Parts must be ordered by part number."),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InvalidRequest": (400, "Invalid Request"),
    "InvalidStorageClass": (400, "The storage class you specified is not valid"),
    "InvalidTag": (400, "The TagKey you have provided is invalid"),
    "InvalidURI": (400, "Couldn't parse the specified URI."),
    "KeyTooLongError": (400, "Your key is too long"),
    "MalformedPOSTRequest": (400, "The body of your POST request is not well-formed multipart/form-data."),
    "MalformedXML": (400, _XML),
    "MetadataTooLarge": (400, "Your metadata headers exceed the maximum allowed metadata size"),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "MissingSecurityHeader": (400, "Your request was missing a required header"),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchBucketPolicy": (404, "The bucket policy does not exist"),
    "NoSuchCORSConfiguration": (404, "The CORS configuration does not exist"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchLifecycleConfiguration": (404, "The lifecycle configuration does not exist"),
    "NoSuchTagSet": (404, "The TagSet does not exist"),
    "NoSuchUpload": (404, _UPLOAD),
    "NoSuchVersion": (404, "The specified version does not exist."),
    "NoSuchWebsiteConfiguration": (404, "The specified bucket does not have a website configuration"),
    "NotImplemented": (501, "A header you provided implies functionality that is not implemented"),
    "ObjectLockConfigurationNotFoundError": (404, "Object Lock configuration does not exist for this bucket"),
    "OwnershipControlsNotFoundError": (404, "The bucket ownership controls were not found"),
    "NoSuchPublicAccessBlockConfiguration": (404, "The public access block configuration was not found"),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
    "ReplicationConfigurationNotFoundError": (404, "The replication configuration was not found"),
    "RequestTimeout": (400, _SLOW),
    "ServerSideEncryptionConfigurationNotFoundError": (404, "The server side encryption configuration was not found"),
    "ServiceUnavailable": (503, "Service is unable to handle request."),
    "SlowDown": (503, "Please reduce your request rate."),
    "UserKeyMustBeSpecified": (
        400,
        "The bucket POST must contain the specified field name.  If it is specified, please check the order of the fields.",
    ),
}


class S3Error(RouterError):
    """A refusal. *message*: "" for the code's own text; *elements*: more of the answer's, by name; None is left out."""

    def __init__(self, code: str, message: str = "", *, status: Any = 0, **elements: object) -> None:
        known, text = TOLD.get(code, (400, code))
        super().__init__(message or text)
        self.code, self.status = code, status or known  # type: ignore[misc]  # of one error, not of a class
        self.message = message or text
        self.elements = {name: str(value) for name, value in elements.items() if value is not None}


def invalid(message: str, name: str = "", value: object = None) -> S3Error:
    """InvalidArgument, with the argument that is."""
    return S3Error("InvalidArgument", message, ArgumentName=name or None, ArgumentValue=value)


def of_signature(failure: AuthFailure) -> S3Error:
    """Why a caller is not believed."""
    status, code, message = failure.told("s3")
    return S3Error(code, message, status=status, **failure.facts)
