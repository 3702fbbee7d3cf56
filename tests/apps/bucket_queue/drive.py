"""One scan is dropped as a file, one put through the API, one is of another kind."""

from tests.apps.app import App


def drive(app: App) -> None:
    s3 = app.client("s3")
    s3.put_object(Bucket="scans-bucket", Key="in/three.bin", Body=b"no text")  # first: it would be worked on with the others
    (app.directory / "data/scans-bucket/in/one.txt").write_text("first line\nsecond line\n")
    s3.put_object(Bucket="scans-bucket", Key="in/two.txt", Body=b"only line")
    assert app.object("scans-bucket", "index/one.txt")["Body"].read() == b"first line ObjectCreated:Put"
    assert app.object("scans-bucket", "index/two.txt")["Body"].read() == b"only line ObjectCreated:Put"
    assert len(s3.list_objects_v2(Bucket="scans-bucket", Prefix="index/")["Contents"]) == 2
