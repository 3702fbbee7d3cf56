"""Prices with tax, for every function that has this layer."""

from items import ITEMS

TAX = 0.19


def gross(item: str) -> float:
    return round(ITEMS[item] * (1 + TAX), 2)
