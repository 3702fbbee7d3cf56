"""Ten temporary objects go; what is to be kept stays, also when the function tries."""

from tests.apps.app import App


def drive(app: App) -> None:
    s3 = app.client("s3")
    for number in range(10):
        s3.put_object(Bucket="scratch-bucket", Key=f"tmp/{number}", Body=b"x")
    s3.put_object(Bucket="scratch-bucket", Key="keep/it", Body=b"kept")
    assert app.request("POST", "/schedules/rule%3Ahourly/run")[0] in {200, 202}
    app.seen("temporary objects to be gone", lambda: "Contents" not in s3.list_objects_v2(Bucket="scratch-bucket", Prefix="tmp/"))
    app.logged("CleanFunction", "deleted 10 refused True")
    assert s3.get_object(Bucket="scratch-bucket", Key="keep/it")["Body"].read() == b"kept"
