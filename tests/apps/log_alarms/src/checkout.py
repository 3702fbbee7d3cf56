"""Sells, and says how long it took."""

import logging


def handler(event, context):
    print("took", event["seconds"], "seconds")
    if event["amount"] < 0:
        logging.getLogger().error("amount %s of order %s", event["amount"], event["order"])
