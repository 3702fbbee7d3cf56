"""Two steps of one job."""


def first(event, context):
    return {"square": int(event["number"]) ** 2}


def second(event, context):
    assert event["requestContext"]["condition"] == "Success"
    return {"answer": event["responsePayload"]["square"] + 1, "asked": event["requestPayload"]}
