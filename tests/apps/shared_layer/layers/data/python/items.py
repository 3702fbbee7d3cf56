"""Net prices."""

ITEMS = {"tea": 2.5, "milk": 1.2}
