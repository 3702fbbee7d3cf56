"""Kinesis records and tumbling windows; whole events are compared in tests/fidelity."""

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.kinesis import Datum, Stream, Window, event, record

STREAM = Stream("arn:aws:kinesis:us-east-1:1:stream/s", "us-east-1", "arn:aws:iam::1:role/r", "shardId-000000000003")


@given(st.binary())
def test_data_comes_through_as_base64(data: bytes) -> None:
    assert b64decode(record(Datum("1", "k", data, 1.0), STREAM)["kinesis"]["data"]) == data


def test_the_event_id_names_shard_and_sequence_number() -> None:
    assert record(Datum("495", "k", b"", 1.0), STREAM)["eventID"] == "shardId-000000000003:495"


def test_an_arrival_is_seconds_to_the_millisecond() -> None:
    assert record(Datum("1", "k", b"", 1545084650.98765), STREAM)["kinesis"]["approximateArrivalTimestamp"] == 1545084650.988


def test_encryption_is_told_only_when_known() -> None:
    assert "encryptionType" not in record(Datum("1", "k", b"", 1.0), STREAM)["kinesis"]
    assert record(Datum("1", "k", b"", 1.0, "KMS"), STREAM)["kinesis"]["encryptionType"] == "KMS"


@pytest.mark.parametrize(("final", "early"), [(False, False), (True, False), (True, True)])
def test_a_window_stands_beside_the_records(final: bool, early: bool) -> None:
    told = event([Datum("1", "k", b"", 1.0)], STREAM, Window(120, 240, {"n": 1}, final, early))
    assert told["window"] == {"start": "1970-01-01T00:02:00Z", "end": "1970-01-01T00:04:00Z"}
    assert (told["state"], told["shardId"], told["eventSourceARN"]) == ({"n": 1}, STREAM.shard, STREAM.arn)
    assert (told["isFinalInvokeForWindow"], told["isWindowTerminatedEarly"]) == (final, early)


def test_without_a_window_there_are_records_alone() -> None:
    assert list(event([], STREAM)) == ["Records"]
