"""The error document, byte for byte as AWS's."""

from router.api.aws.s3.documents import error


def test_an_error() -> None:
    assert error("NoSuchKey", "The specified key does not exist.", {"Key": 'a<"b"'}, request_id="R", host_id="H") == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>'
        b"<Key>a&lt;&quot;b&quot;</Key><RequestId>R</RequestId><HostId>H</HostId></Error>"
    )
