"""A number that goes through both steps, and a word that does not."""

import json

from tests.apps.app import App


def drive(app: App) -> None:
    functions = app.client("lambda")
    for number in (7, "seven"):
        answer = functions.invoke(FunctionName="FirstFunction", InvocationType="Event", Payload=json.dumps({"number": number}))
        assert answer["StatusCode"] == 202
    (done,) = app.received("DoneQueue")
    assert json.loads(done["Body"]) == {"answer": 50, "asked": {"number": 7}}
    (failed,) = app.received("FailedQueue")
    record = json.loads(failed["Body"])
    assert record["requestPayload"] == {"number": "seven"}
    assert (record["requestContext"]["condition"], record["responseContext"]["functionError"]) == ("RetriesExhausted", "Unhandled")
