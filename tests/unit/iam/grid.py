"""Requests, policies and the verdict that AWS documents for each.

Sources, all IAM user guide: "JSON policy elements: Action / NotAction / Resource / NotResource / Principal / Condition
operators", "Multivalued context keys", "Variables and tags", "Policy evaluation logic". Worked out by hand from their
rules, none is computed."""

from typing import Any, Final, NamedTuple

ACCOUNT: Final = "123456789012"
OTHER: Final = "210987654321"
OBJECT: Final = "arn:aws:s3:::uploads/in/a.jpg"
FUNCTION: Final = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:resize"
QUEUE: Final = f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"


class Case(NamedTuple):
    """A statement's element against a request: whether the statement applies."""

    element: Any
    given: Any
    applies: bool


# -- Action and NotAction: (pattern or patterns, action, applies)

ACTIONS: Final = [
    Case(*row)
    for row in (
        ("s3:GetObject", "s3:GetObject", True),
        ("s3:GetObject", "s3:PutObject", False),
        ("s3:GetObject", "s3:GetObjectVersion", False),
        ("s3:GetObject", "s3:GetObjec", False),
        ("s3:GetObject", "s3express:GetObject", False),
        ("S3:GETOBJECT", "s3:GetObject", True),
        ("s3:getobject", "s3:GetObject", True),
        ("s3:GetObject", "S3:getObject", True),
        ("*", "s3:GetObject", True),
        ("*", "sqs:SendMessage", True),
        ("s3:*", "s3:GetObject", True),
        ("s3:*", "sqs:SendMessage", False),
        ("s3:*", "s3-object-lambda:WriteGetObjectResponse", False),
        ("s3:Get*", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObjectTagging", True),
        ("s3:Get*", "s3:PutObject", False),
        ("s3:Get*", "s3:Get", True),
        ("s3:*Object", "s3:GetObject", True),
        ("s3:*Object", "s3:DeleteObject", True),
        ("s3:*Object", "s3:GetObjectAcl", False),
        ("s3:*Object*", "s3:GetObjectAcl", True),
        ("s3:G*t", "s3:GetObject", True),
        ("s3:G*t", "s3:GetObjects", False),
        ("s3:?etObject", "s3:GetObject", True),
        ("s3:?etObject", "s3:etObject", False),
        ("s3:GetObject?", "s3:GetObject", False),
        ("s3:GetObject??", "s3:GetObjectAB", True),
        ("s3:??tObject", "s3:PutObject", True),
        ("s3:**", "s3:GetObject", True),
        ("s3:*?*", "s3:GetObject", True),
        ("s3:Get*Object*Version", "s3:GetObjectVersion", True),
        ("s3:Get*Version*Object", "s3:GetObjectVersion", False),
        ("lambda:Invoke*", "lambda:InvokeFunctionUrl", True),
        ("lambda:InvokeFunction", "lambda:InvokeFunctionUrl", False),
        (["s3:GetObject", "sqs:SendMessage"], "sqs:SendMessage", True),
        (["s3:GetObject", "sqs:SendMessage"], "sqs:ReceiveMessage", False),
        (["s3:Get*", "s3:List*"], "s3:ListBucket", True),
        (["s3:GetObject", "*"], "logs:PutLogEvents", True),
        (["dynamodb:Batch*Item", "dynamodb:Query"], "dynamodb:BatchGetItem", True),
        (["dynamodb:Batch*Item", "dynamodb:Query"], "dynamodb:Scan", False),
    )
]
NOT_ACTIONS: Final = [
    Case(*row)
    for row in (
        ("s3:GetObject", "s3:GetObject", False),
        ("s3:GetObject", "s3:PutObject", True),
        ("s3:*", "s3:PutObject", False),
        ("s3:*", "sqs:SendMessage", True),
        ("S3:*", "s3:PutObject", False),
        ("*", "s3:PutObject", False),
        (["s3:*", "sqs:*"], "sqs:SendMessage", False),
        (["s3:*", "sqs:*"], "lambda:InvokeFunction", True),
        ("s3:Delete*", "s3:DeleteObject", False),
        ("s3:Delete*", "s3:GetObject", True),
        ("s3:?etObject", "s3:GetObject", False),
        ("s3:?etObject", "s3:PutObjects", True),
    )
]

# -- Resource and NotResource

RESOURCES: Final = [
    Case(*row)
    for row in (
        ("*", OBJECT, True),
        ("*", "*", True),
        (OBJECT, OBJECT, True),
        ("arn:aws:s3:::uploads/in/b.jpg", OBJECT, False),
        ("arn:aws:s3:::uploads/*", OBJECT, True),
        ("arn:aws:s3:::uploads/*", "arn:aws:s3:::uploads/", True),
        ("arn:aws:s3:::uploads/*", "arn:aws:s3:::uploads", False),
        ("arn:aws:s3:::uploads/*", "arn:aws:s3:::uploads2/in/a.jpg", False),
        ("arn:aws:s3:::uploads*", "arn:aws:s3:::uploads2/in/a.jpg", True),
        ("arn:aws:s3:::uploads*", "arn:aws:s3:::uploads", True),
        ("arn:aws:s3:::uploads", OBJECT, False),
        ("arn:aws:s3:::uploads", "arn:aws:s3:::uploads", True),
        ("arn:aws:s3:::UPLOADS/*", OBJECT, False),
        ("arn:aws:s3:::uploads/IN/*", OBJECT, False),
        ("arn:aws:s3:::uploads/*.jpg", OBJECT, True),
        ("arn:aws:s3:::uploads/*.jpg", "arn:aws:s3:::uploads/in/deep/er/a.jpg", True),
        ("arn:aws:s3:::uploads/*.jpg", "arn:aws:s3:::uploads/in/a.jpg.exe", False),
        ("arn:aws:s3:::uploads/in/?.jpg", OBJECT, True),
        ("arn:aws:s3:::uploads/in/?.jpg", "arn:aws:s3:::uploads/in/ab.jpg", False),
        ("arn:aws:s3:::uploads/??/a.jpg", OBJECT, True),
        ("arn:aws:s3:::uploads/*/a.jpg", OBJECT, True),
        ("arn:aws:s3:::uploads/*/*/a.jpg", OBJECT, False),
        ("arn:aws:s3:::*", OBJECT, True),
        ("arn:aws:s3:::*", "arn:aws:s3:::uploads", True),
        ("arn:aws:s3:::*/in/*", OBJECT, True),
        ("arn:aws:s3:::*/out/*", OBJECT, False),
        ("arn:aws-cn:s3:::uploads/*", OBJECT, False),
        ("arn:*:s3:::uploads/*", OBJECT, True),
        ("arn:aws:s3:*:*:uploads/*", OBJECT, True),
        ("arn:aws:s3:us-east-1::uploads/*", OBJECT, False),
        (f"arn:aws:s3::{ACCOUNT}:uploads/*", OBJECT, False),
        (FUNCTION, FUNCTION, True),
        (FUNCTION, f"{FUNCTION}:PROD", False),
        (f"{FUNCTION}:*", f"{FUNCTION}:PROD", True),
        (f"{FUNCTION}:*", FUNCTION, False),
        (f"{FUNCTION}*", FUNCTION, True),
        (f"{FUNCTION}*", f"{FUNCTION}:7", True),
        (f"arn:aws:lambda:*:{ACCOUNT}:function:*", FUNCTION, True),
        (f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:*", FUNCTION, False),
        (f"arn:aws:lambda:us-east-1:{OTHER}:function:*", FUNCTION, False),
        (f"arn:aws:lambda:us-*-1:{ACCOUNT}:function:resize", FUNCTION, True),
        ("arn:aws:lambda:*", FUNCTION, None),  # fewer than six fields: no policy at all
        (f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs", QUEUE, True),
        (f"arn:aws:sqs:us-east-1:{ACCOUNT}:job?", QUEUE, True),
        (f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs?", QUEUE, False),
        ("arn:aws:sqs:*:*:*", QUEUE, True),
        ([OBJECT, QUEUE], QUEUE, True),
        ([OBJECT, FUNCTION], QUEUE, False),
        (["arn:aws:s3:::uploads", "arn:aws:s3:::uploads/*"], "arn:aws:s3:::uploads", True),
        (["arn:aws:s3:::uploads", "arn:aws:s3:::uploads/*"], OBJECT, True),
        ("arn:aws:s3:::uploads/in/[ab].jpg", OBJECT, False),
        ("arn:aws:s3:::uploads/in/a.jpg", "arn:aws:s3:::uploads/in/aXjpg", False),
        ("arn:aws:s3:::uploads/a\nb", "arn:aws:s3:::uploads/a\nb", True),
        ("arn:aws:s3:::uploads/*", "arn:aws:s3:::uploads/a\nb", True),
        (
            f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders/stream/*",
            f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders/stream/2026",
            True,
        ),
        (f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders/stream/2026", False),
        (
            f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/*:*",
            f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/f:log-stream:x",
            True,
        ),
    )
    if row[2] is not None
]
NOT_RESOURCES: Final = [
    Case(*row)
    for row in (
        (OBJECT, OBJECT, False),
        ("arn:aws:s3:::uploads/out/*", OBJECT, True),
        ("arn:aws:s3:::uploads/in/*", OBJECT, False),
        ("*", OBJECT, False),
        (["arn:aws:s3:::a/*", "arn:aws:s3:::uploads/*"], OBJECT, False),
        (["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"], OBJECT, True),
        ("arn:aws:s3:::UPLOADS/*", OBJECT, True),
        ("arn:aws:s3:::*", QUEUE, True),
    )
]

# -- Condition: (operator, key, policy's values), request's values (None: absent), holds


def _rows(key: str, *rows: tuple[str, Any, Any, bool]) -> list[Case]:
    return [Case((operator, key, values), given, holds) for operator, values, given, holds in rows]


STRINGS: Final = _rows(
    "s3:prefix",
    ("StringEquals", "in/", "in/", True),
    ("StringEquals", "in/", "IN/", False),
    ("StringEquals", "in/", "in/a", False),
    ("StringEquals", "in/*", "in/a", False),
    ("StringEquals", "in/*", "in/*", True),
    ("StringEquals", ["a", "b"], "b", True),
    ("StringEquals", ["a", "b"], "c", False),
    ("StringEquals", "", "", True),
    ("StringEquals", "in/", None, False),
    ("StringEqualsIfExists", "in/", None, True),
    ("StringEqualsIfExists", "in/", "out/", False),
    ("StringEqualsIfExists", "in/", "in/", True),
    ("StringNotEquals", "in/", "out/", True),
    ("StringNotEquals", "in/", "in/", False),
    ("StringNotEquals", ["a", "b"], "c", True),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", "in/", None, True),
    ("StringNotEqualsIfExists", "in/", None, True),
    ("StringNotEqualsIfExists", "in/", "in/", False),
    ("StringEqualsIgnoreCase", "in/", "IN/", True),
    ("StringEqualsIgnoreCase", "in/", "out/", False),
    ("StringEqualsIgnoreCase", "in/", None, False),
    ("StringEqualsIgnoreCaseIfExists", "in/", None, True),
    ("StringNotEqualsIgnoreCase", "in/", "IN/", False),
    ("StringNotEqualsIgnoreCase", "in/", "out/", True),
    ("StringNotEqualsIgnoreCase", "in/", None, True),
    ("StringLike", "in/*", "in/a/b", True),
    ("StringLike", "in/*", "in/", True),
    ("StringLike", "in/*", "IN/a", False),
    ("StringLike", "in/?", "in/a", True),
    ("StringLike", "in/?", "in/ab", False),
    ("StringLike", "*", "", True),
    ("StringLike", "*", None, False),
    ("StringLike", ["x*", "in/*"], "in/a", True),
    ("StringLikeIfExists", "in/*", None, True),
    ("StringLike", "in/[ab]", "in/a", False),
    ("StringNotLike", "in/*", "out/a", True),
    ("StringNotLike", "in/*", "in/a", False),
    ("StringNotLike", ["in/*", "out/*"], "out/a", False),
    ("StringNotLike", "in/*", None, True),
)
NUMBERS: Final = _rows(
    "s3:max-keys",
    ("NumericEquals", "10", "10", True),
    ("NumericEquals", "10", "10.0", True),
    ("NumericEquals", 10, "10", True),
    ("NumericEquals", "10", "11", False),
    ("NumericEquals", "10", None, False),
    ("NumericEqualsIfExists", "10", None, True),
    ("NumericEquals", ["5", "10"], "10", True),
    ("NumericEquals", "10", "ten", False),
    ("NumericEquals", "9007199254740993", "9007199254740992", False),
    ("NumericNotEquals", "10", "11", True),
    ("NumericNotEquals", "10", "10", False),
    ("NumericNotEquals", ["5", "10"], "5", False),
    ("NumericNotEquals", "10", None, True),
    ("NumericLessThan", "10", "9", True),
    ("NumericLessThan", "10", "10", False),
    ("NumericLessThan", "10", "-3", True),
    ("NumericLessThan", "10", None, False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericLessThanEquals", "10", "11", False),
    ("NumericLessThanEqualsIfExists", "10", None, True),
    ("NumericLessThanEqualsIfExists", "10", "11", False),
    ("NumericGreaterThan", "10", "11", True),
    ("NumericGreaterThan", "10", "10", False),
    ("NumericGreaterThanEquals", "10", "10", True),
    ("NumericGreaterThanEquals", "10", "9.99", False),
    ("NumericGreaterThanEquals", "1e3", "1000", True),
)
DATES: Final = _rows(
    "aws:CurrentTime",
    ("DateEquals", "2026-11-26T00:00:00Z", "2026-11-26T00:00:00Z", True),
    ("DateEquals", "2026-11-26T01:00:00+01:00", "2026-11-26T00:00:00Z", True),
    ("DateEquals", "2026-11-26", "2026-11-26T00:00:00Z", True),
    ("DateEquals", "1795651200", "2026-11-26T00:00:00Z", True),
    ("DateEquals", "2026-11-26", "2026-11-26T00:00:01Z", False),
    ("DateEquals", "2026-11-26", None, False),
    ("DateNotEquals", "2026-11-26", "2026-11-27T00:00:00Z", True),
    ("DateNotEquals", "2026-11-26", "2026-11-26T00:00:00Z", False),
    ("DateNotEquals", "2026-11-26", None, True),
    ("DateLessThan", "2026-11-26", "2026-11-25T23:59:59Z", True),
    ("DateLessThan", "2026-11-26", "2026-11-26T00:00:00Z", False),
    ("DateLessThan", "2026-11-26T00:00:00Z", None, False),
    ("DateLessThanIfExists", "2026-11-26T00:00:00Z", None, True),
    ("DateLessThanEquals", "2026-11-26", "2026-11-26T00:00:00Z", True),
    ("DateGreaterThan", "2026-11-26", "2026-11-26T00:00:01Z", True),
    ("DateGreaterThan", "2026-11-26", "2026-11-26T00:00:00Z", False),
    ("DateGreaterThanEquals", "2026-11-26", "2026-11-26T00:00:00Z", True),
    ("DateGreaterThanEquals", "2026-11-26", "2026-11-25T00:00:00Z", False),
    ("DateGreaterThan", "1795651200", "1795651201", True),
    ("DateGreaterThan", "2026-11-26", "yesterday", False),
)
BOOLEANS: Final = _rows(
    "aws:SecureTransport",
    ("Bool", "true", "true", True),
    ("Bool", "true", "false", False),
    ("Bool", "false", "false", True),
    ("Bool", True, "true", True),
    ("Bool", False, "true", False),
    ("Bool", "TRUE", "true", True),
    ("Bool", "true", None, False),
    ("Bool", "false", None, False),
    ("BoolIfExists", "false", None, True),
    ("BoolIfExists", "false", "true", False),
    ("Null", "true", None, True),
    ("Null", "true", "true", False),
    ("Null", "false", None, False),
    ("Null", "false", "false", True),
    ("Null", True, None, True),
    ("Null", ["true", "false"], None, True),
)
BINARY: Final = _rows(
    "aws:PrincipalTag/blob",
    ("BinaryEquals", "aGVsbG8=", "aGVsbG8=", True),
    ("BinaryEquals", "aGVsbG8=", "aGVsbG8h", False),
    ("BinaryEquals", "aGVsbG8=", "hello", False),
    ("BinaryEquals", "aGVsbG8=", None, False),
    ("BinaryEqualsIfExists", "aGVsbG8=", None, True),
)
ADDRESSES: Final = _rows(
    "aws:SourceIp",
    ("IpAddress", "203.0.113.0/24", "203.0.113.7", True),
    ("IpAddress", "203.0.113.0/24", "203.0.114.7", False),
    ("IpAddress", "203.0.113.7", "203.0.113.7", True),
    ("IpAddress", "203.0.113.7", "203.0.113.8", False),
    ("IpAddress", "203.0.113.7/32", "203.0.113.7", True),
    ("IpAddress", "0.0.0.0/0", "8.8.8.8", True),
    ("IpAddress", "0.0.0.0/0", "2001:db8::1", False),
    ("IpAddress", "2001:db8::/32", "2001:db8:1::1", True),
    ("IpAddress", "2001:db8::/32", "2001:db9::1", False),
    ("IpAddress", "2001:DB8::/32", "2001:db8::1", True),
    ("IpAddress", ["10.0.0.0/8", "203.0.113.0/24"], "10.1.2.3", True),
    ("IpAddress", ["10.0.0.0/8", "203.0.113.0/24"], "11.1.2.3", False),
    ("IpAddress", "203.0.113.0/24", "::ffff:203.0.113.7", True),
    ("IpAddress", "203.0.113.0/24", "somewhere", False),
    ("IpAddress", "203.0.113.0/24", None, False),
    ("IpAddressIfExists", "203.0.113.0/24", None, True),
    ("NotIpAddress", "203.0.113.0/24", "203.0.113.7", False),
    ("NotIpAddress", "203.0.113.0/24", "203.0.114.7", True),
    ("NotIpAddress", ["10.0.0.0/8", "203.0.113.0/24"], "10.1.2.3", False),
    ("NotIpAddress", "203.0.113.0/24", None, True),
)
ARNS: Final = _rows(
    "aws:SourceArn",
    ("ArnEquals", "arn:aws:s3:::uploads", "arn:aws:s3:::uploads", True),
    ("ArnEquals", "arn:aws:s3:::uploads", "arn:aws:s3:::results", False),
    ("ArnEquals", "arn:aws:s3:::up*", "arn:aws:s3:::uploads", True),
    ("ArnLike", "arn:aws:s3:::up*", "arn:aws:s3:::uploads", True),
    ("ArnLike", "arn:aws:s3:::upload?", "arn:aws:s3:::uploads", True),
    ("ArnLike", "arn:aws:s3:::UP*", "arn:aws:s3:::uploads", False),
    ("ArnLike", f"arn:aws:events:*:{ACCOUNT}:rule/*", f"arn:aws:events:us-east-1:{ACCOUNT}:rule/nightly", True),
    ("ArnLike", f"arn:aws:events:*:{ACCOUNT}:rule/*", f"arn:aws:events:us-east-1:{OTHER}:rule/nightly", False),
    ("ArnLike", "arn:aws:*:rule/*", f"arn:aws:events:us-east-1:{ACCOUNT}:rule/nightly", None),
    ("ArnLike", "arn:aws:events:us*:rule:*:*", f"arn:aws:events:us-east-1:rule:{ACCOUNT}:x", True),
    ("ArnLike", "arn:aws:events:*:*:rule/x", f"arn:aws:events:us-east-1:{ACCOUNT}:other:rule/x", False),
    ("ArnLike", "arn:aws:sns:*:*:topic:*", f"arn:aws:sns:us-east-1:{ACCOUNT}:topic:sub:more", True),
    ("ArnLike", "arn:aws:s3:::uploads", None, False),
    ("ArnLikeIfExists", "arn:aws:s3:::uploads", None, True),
    ("ArnLike", "arn:aws:s3:::uploads", "uploads", False),
    ("ArnNotEquals", "arn:aws:s3:::uploads", "arn:aws:s3:::results", True),
    ("ArnNotEquals", "arn:aws:s3:::uploads", "arn:aws:s3:::uploads", False),
    ("ArnNotLike", "arn:aws:s3:::up*", "arn:aws:s3:::uploads", False),
    ("ArnNotLike", "arn:aws:s3:::up*", "arn:aws:s3:::results", True),
    ("ArnNotLike", "arn:aws:s3:::up*", None, True),
)
ARNS[:] = [case for case in ARNS if case.applies is not None]  # one of them has too few fields to be a policy
SETS: Final = _rows(
    "dynamodb:Attributes",
    ("ForAllValues:StringEquals", ["a", "b"], ["a"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
    ("ForAllValues:StringEquals", ["a", "b"], None, True),
    ("ForAllValues:StringEqualsIfExists", ["a", "b"], None, True),
    ("ForAllValues:StringLike", ["a*"], ["ab", "ac"], True),
    ("ForAllValues:StringLike", ["a*"], ["ab", "bc"], False),
    ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "d"], True),
    ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "a"], False),
    ("ForAllValues:StringNotEquals", ["a", "b"], None, True),
    ("ForAllValues:NumericLessThan", "10", ["1", "9"], True),
    ("ForAllValues:NumericLessThan", "10", ["1", "10"], False),
    ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
    ("ForAnyValue:StringEquals", ["a", "b"], ["c", "d"], False),
    ("ForAnyValue:StringEquals", ["a", "b"], None, False),
    ("ForAnyValue:StringEqualsIfExists", ["a", "b"], None, True),
    ("ForAnyValue:StringLike", "a*", ["x", "ay"], True),
    ("ForAnyValue:StringLike", "a*", ["x", "y"], False),
    ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "c"], True),
    ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "b"], False),
    ("ForAnyValue:StringNotEquals", ["a", "b"], None, False),
    ("ForAnyValue:NumericGreaterThan", "10", ["1", "11"], True),
    ("ForAnyValue:StringEqualsIgnoreCase", "A", ["b", "a"], True),
    ("StringEquals", ["a", "b"], ["c", "b"], True),
    ("StringNotEquals", ["a", "b"], ["c", "b"], False),
    ("StringNotEquals", ["a", "b"], ["c", "d"], True),
)
CONDITIONS: Final = [*STRINGS, *NUMBERS, *DATES, *BOOLEANS, *BINARY, *ADDRESSES, *ARNS, *SETS]

# -- Variables in a Resource: (pattern, version), (resource, context), applies

_USER: Final = {"aws:username": "ann"}
VARIABLES: Final = [
    Case(*row)
    for row in (
        (("arn:aws:s3:::home/${aws:username}/*", "2012-10-17"), ("arn:aws:s3:::home/ann/x", _USER), True),
        (("arn:aws:s3:::home/${aws:username}/*", "2012-10-17"), ("arn:aws:s3:::home/bob/x", _USER), False),
        (("arn:aws:s3:::home/${AWS:UserName}/*", "2012-10-17"), ("arn:aws:s3:::home/ann/x", _USER), True),
        (("arn:aws:s3:::home/${aws:username}/*", "2008-10-17"), ("arn:aws:s3:::home/ann/x", _USER), False),
        (("arn:aws:s3:::home/${aws:username}/*", "2008-10-17"), ("arn:aws:s3:::home/${aws:username}/x", _USER), True),
        (("arn:aws:s3:::home/${aws:username}/*", ""), ("arn:aws:s3:::home/ann/x", _USER), False),
        (("arn:aws:s3:::home/${aws:username}/*", "2012-10-17"), ("arn:aws:s3:::home//x", {}), False),
        (("arn:aws:s3:::home/${aws:username, 'all'}/*", "2012-10-17"), ("arn:aws:s3:::home/all/x", {}), True),
        (("arn:aws:s3:::home/${aws:username, 'all'}/*", "2012-10-17"), ("arn:aws:s3:::home/ann/x", _USER), True),
        (("arn:aws:s3:::home/${aws:username, 'all'}/*", "2012-10-17"), ("arn:aws:s3:::home/all/x", _USER), False),
        (("arn:aws:s3:::home/${aws:username}/*", "2012-10-17"), ("arn:aws:s3:::home/bob/x", {"aws:username": "*"}), False),
        (("arn:aws:s3:::home/${aws:username}/*", "2012-10-17"), ("arn:aws:s3:::home/*/x", {"aws:username": "*"}), True),
        (("arn:aws:s3:::home/${aws:username}/*", "2012-10-17"), ("arn:aws:s3:::home/a/x", {"aws:username": "?"}), False),
        (("arn:aws:s3:::b/${*}", "2012-10-17"), ("arn:aws:s3:::b/*", {}), True),
        (("arn:aws:s3:::b/${*}", "2012-10-17"), ("arn:aws:s3:::b/x", {}), False),
        (("arn:aws:s3:::b/${?}", "2012-10-17"), ("arn:aws:s3:::b/?", {}), True),
        (("arn:aws:s3:::b/${?}", "2012-10-17"), ("arn:aws:s3:::b/x", {}), False),
        (("arn:aws:s3:::b/${$}x", "2012-10-17"), ("arn:aws:s3:::b/$x", {}), True),
        (("arn:aws:s3:::b/${$}{aws:username}", "2012-10-17"), ("arn:aws:s3:::b/${aws:username}", _USER), True),
        (("arn:aws:s3:::${aws:PrincipalTag/team}/*", "2012-10-17"), ("arn:aws:s3:::red/x", {"aws:principaltag/team": "red"}), True),
        (("arn:aws:s3:::${aws:PrincipalTag/team}/*", "2012-10-17"), ("arn:aws:s3:::blue/x", {"aws:principaltag/team": "red"}), False),
        (
            ("arn:aws:s3:::${aws:username}-${aws:PrincipalTag/team}", "2012-10-17"),
            ("arn:aws:s3:::ann-red", {**_USER, "aws:principaltag/team": "red"}),
            True,
        ),
        (("arn:aws:s3:::x/$", "2012-10-17"), ("arn:aws:s3:::x/$", {}), True),
    )
]
