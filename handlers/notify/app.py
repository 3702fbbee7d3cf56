"""An order that changed: says what became of it. Records have the shape of a DynamoDB stream's."""


def handler(event, context):
    for record in event["Records"]:
        print(sentence(record["eventName"], record["dynamodb"]))


def sentence(change, images):
    """One change in words, e.g. `order 7: status new → paid`."""
    number = plain(images["Keys"])["id"]
    old, new = plain(images.get("OldImage", {})), plain(images.get("NewImage", {}))
    if change == "INSERT":
        return f"order {number}: placed, {new['quantity']} of {new['item']}"
    if change == "REMOVE":
        return f"order {number}: removed"
    changed = [f"{name} {old.get(name)} → {value}" for name, value in new.items() if old.get(name) != value]
    return f"order {number}: {', '.join(changed)}"


def plain(image):
    """{"id": {"N": "7"}} as {"id": "7"}."""
    return {name: value for name, typed in image.items() for value in typed.values()}
