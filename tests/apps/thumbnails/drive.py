"""A picture through the API, one dropped as a file, and one that is not called a picture."""

from tests.apps.app import App

PICTURE = b"P6 4 4 255\n" + bytes(range(48))


def drive(app: App) -> None:
    s3 = app.client("s3")
    s3.put_object(Bucket="pictures-bucket", Key="in/notes.txt", Body=PICTURE)  # first: it would be worked on by the time of the others
    tag = s3.put_object(Bucket="pictures-bucket", Key="in/a cat.ppm", Body=PICTURE)["ETag"].strip('"')
    small = app.object("thumbnails-bucket", "small/a cat.ppm")
    assert small["Body"].read() == b"P6 2 2 255\n" + PICTURE[11:14] + PICTURE[17:20] + PICTURE[35:38] + PICTURE[41:44]
    assert (small["ContentType"], small["Metadata"]) == ("image/x-portable-pixmap", {"from": tag})
    (app.directory / "data/pictures-bucket/in/dropped.ppm").write_bytes(PICTURE)
    assert app.object("thumbnails-bucket", "small/dropped.ppm")["ContentLength"] == 23
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="thumbnails-bucket")["Contents"]] == ["small/a cat.ppm", "small/dropped.ppm"]
