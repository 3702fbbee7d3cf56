"""Buckets of a template."""

from router.templates.words import DIFFERS
from tests.unit.templates.test_translate import notes, template, verdicts


def test_cors_of_a_bucket_is_said_to_be_every_origins() -> None:
    rules = {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"]}]}
    found = template({"B": {"Type": "AWS::S3::Bucket", "Properties": {"CorsConfiguration": rules}}})
    assert verdicts(found) == {"B": DIFFERS}
    assert "lets every origin in" in notes(found, "B")
