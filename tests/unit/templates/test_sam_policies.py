"""Policy templates and managed policies as statements that the house's own reader takes."""

import pytest

from router.iam.reading import mistakes_in
from router.templates import managed_policies
from router.templates.naming import Place
from router.templates.sam_policies import POLICIES, statements
from router.templates.words import Refused

PARAMETERS = {name: {word for grant in grants for text in (*grant.resources, grant.condition[2]) for word in [part.partition("}")[0] for part in text.split("{")[1:]] if word[:1].isupper()} for name, grants in POLICIES.items()}  # fmt: skip


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_policy_template_is_a_policy(name: str) -> None:
    found = statements(name, {word: "arn:aws:x:::y" if word.endswith("Arn") else "x" for word in PARAMETERS[name]}, Place())
    assert not mistakes_in({"Version": "2012-10-17", "Statement": found})
    for statement in found:
        assert statement["Effect"] == "Allow"
        assert "{" not in str(statement["Resource"])


@pytest.mark.parametrize("name", sorted(managed_policies.POLICIES))
def test_a_managed_policy_is_a_policy(name: str) -> None:
    for named in (name, f"arn:aws:iam::aws:policy/{name}", f"arn:aws:iam::aws:policy/service-role/{name}"):
        found = managed_policies.statements(named)
        assert not found or not mistakes_in({"Version": "2012-10-17", "Statement": found})


def test_a_policy_is_for_what_it_names_alone() -> None:
    (read,) = statements("S3ReadPolicy", {"BucketName": "in"}, Place())
    assert read["Resource"] == ["arn:aws:s3:::in", "arn:aws:s3:::in/*"]
    (send,) = statements("SQSSendMessagePolicy", {"QueueName": "jobs"}, Place(region="eu-west-1"))
    assert send == {"Effect": "Allow", "Action": ["sqs:SendMessage*"], "Resource": "arn:aws:sqs:eu-west-1:123456789012:jobs"}
    (secret,) = statements("AWSSecretsManagerGetSecretValuePolicy", {"SecretArn": "arn:aws:secretsmanager:x"}, Place())
    assert secret["Resource"] == "arn:aws:secretsmanager:x"


@pytest.mark.parametrize("parameters", [{}, {"BucketName": "a", "Other": "b"}, {"BucketName": ["a"]}, {"BucketName": ""}])
def test_parameters_must_be_those_that_there_are(parameters: dict[str, str]) -> None:
    with pytest.raises(Refused):
        statements("S3ReadPolicy", parameters, Place())


def test_what_is_not_known_is_refused() -> None:
    assert not managed_policies.known("arn:aws:iam::123456789012:policy/AmazonS3FullAccess")
    with pytest.raises(Refused):
        managed_policies.statements("Frob")
