"""Layers that functions of a template name. Pure.

Source: CloudFormation template reference, AWS::Lambda::Function, "Layers"."""

import re
from typing import Any, Final

from router.templates.draft import Draft, Item
from router.templates.props import Props
from router.templates.words import Refused

_INSIGHTS: Final = re.compile(r"arn:aws[a-z-]*:lambda:[^:]+:[0-9]{12}:layer:LambdaInsightsExtension(-Arm64)?:[0-9]+")
_INSTALLED: Final = {
    "Python": 'pip install "aws-lambda-powertools[all]" -t CODE',
    "TypeScript": "npm install --prefix CODE @aws-lambda-powertools/…",
}
_POWERTOOLS: Final = re.compile(r":layer:AWSLambdaPowertools(Python|TypeScript)")


def layers_of(item: Item, props: Props, value: dict[str, Any], draft: Draft) -> None:
    """Those that a function has. Raises Refused for one that is nowhere."""
    paths = []
    for arn in props.texts("Layers"):
        if _INSIGHTS.fullmatch(arn) and not draft.given.keys() & {arn, arn.rpartition(":")[0]}:
            item.note("LambdaInsightsExtension: it measures for CloudWatch alone; metrics are at the console's /metrics")
            continue
        try:
            paths.append(draft.layer(arn))
        except Refused as refusal:
            raise Refused(f"{refusal}{_hint(arn)}") from None
    if paths:
        value["layers"] = paths


def _hint(arn: str) -> str:
    """What would do instead of a layer of AWS's that many know."""
    found = _POWERTOOLS.search(arn)
    return f", or install its packages into the code: {_INSTALLED[found[1]]}" if found else ""
