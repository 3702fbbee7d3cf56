"""Which function an identifier means, in every form that AWS's clients use.

Pure. Source: Lambda API reference, parameter FunctionName of Invoke and GetFunction; texts as recorded against AWS.
There is one version of each function, $LATEST, so any other qualifier names nothing."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from router.config.types import Config, Function
from router.errors import FunctionNotFound, InvalidParameter
from router.names import LATEST, function_arn

_IDENTIFIER: Final = re.compile(
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_.-]+)"
    r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_-]+))?",
    re.ASCII,
)
_LONGEST: Final = 256  # characters of an identifier
_LONGEST_NAME: Final = 64


class OtherRegion(FunctionNotFound):
    """The ARN names a region that is not ours."""

    def __init__(self, arn: str, theirs: str, ours: str) -> None:
        super().__init__(arn)
        self.args = (f"Functions from '{theirs}' are not reachable in this region ('{ours}')",)


class Functions:
    """The functions of one configuration."""

    def __init__(self, config: Config, deployed: Mapping[str, Function] | None = None) -> None:
        """*deployed*: the functions as they run; None: as the config has them."""
        self._functions = config.functions if deployed is None else deployed
        self._region, self._account = config.region, config.account

    def __iter__(self) -> Iterator[Function]:
        return iter(self._functions.values())

    def __len__(self) -> int:
        return len(self._functions)

    def arn(self, function: Function, qualifier: str = "") -> str:
        """The function's ARN, qualified when *qualifier* is given."""
        arn = function_arn(self._region, self._account, function.name)
        return f"{arn}:{qualifier}" if qualifier else arn

    def get(self, identifier: str, qualifier: str = "") -> Function:
        """The function under a name, name:$LATEST, 123456789012:function:name, function:name or a full ARN.

        *qualifier*: what the caller named beside it. Raises FunctionNotFound (also for another region, account or
        version) and InvalidParameter (not an identifier; two different qualifiers)."""
        if not qualifier and (known := self._functions.get(identifier)) is not None:
            return known  # a plain name, as all of ours: the pattern costs an invocation 2 µs
        found = _IDENTIFIER.fullmatch(identifier) if len(identifier) <= _LONGEST else None
        if found is None:
            raise InvalidParameter(
                _violation(identifier[:_LONGEST], f"Member must satisfy regular expression pattern: {_IDENTIFIER.pattern}")
            )
        region, account, name, inside = found.group("region", "account", "name", "qualifier")
        if found[0] == name and len(name) > _LONGEST_NAME:
            raise InvalidParameter(_violation(name, f"Member must have length less than or equal to {_LONGEST_NAME}"))
        if inside and qualifier and inside != qualifier:
            raise InvalidParameter("The derived qualifier from the function name does not match the specified qualifier.")
        version = inside or qualifier
        arn = function_arn(region or self._region, account or self._account, name) + (f":{version}" if version else "")
        if region and region != self._region:
            raise OtherRegion(arn, region, self._region)
        function = self._functions.get(name)
        if function is None or (account and account != self._account) or version not in {"", LATEST}:
            raise FunctionNotFound(arn)
        return function


def _violation(value: str, constraint: str) -> str:
    return f"1 validation error detected: Value '{value}' at 'functionName' failed to satisfy constraint: {constraint}"
