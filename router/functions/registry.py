"""Which function an identifier means, in every form that AWS's clients use.

Source: Lambda API reference, parameters FunctionName and Qualifier of Invoke and GetFunction; texts as recorded against AWS."""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from router.config.types import Alias, Config, Function
from router.errors import FunctionNotFound, InvalidParameter
from router.functions.aliases import choose
from router.functions.published import owned
from router.names import LATEST, base, function_arn

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
    """What can be invoked: the functions of the configuration in force, their published versions, their aliases."""

    def __init__(
        self,
        config: Config,
        deployed: Mapping[str, Function] | None = None,
        published: Iterable[Function] = (),
        *,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """*deployed*: the functions as they run; None: as the config has them. *draw*: from [0, 1), for aliases with weights."""
        self._functions: dict[str, Function] = {}
        self._former: dict[str, Function] = {}  # that have left the configuration since the start
        self._versions: dict[str, Function] = {}  # NAME:VERSION → the version
        self._draw = draw
        self.adopt(config, config.functions if deployed is None else deployed)
        for function in published:
            self.publish(function)

    def adopt(self, config: Config, deployed: Mapping[str, Function]) -> None:
        """From now on these, with the aliases of *config*; published versions stay."""
        self._former |= {name: function for name, function in self._functions.items() if name not in deployed}
        self._functions = dict(deployed)
        self._config = config
        for function in [one for one in self._versions.values() if one.name in deployed]:
            self.publish(function)
        self._aliases = {f"{name}:{alias.name}": alias for name, one in config.functions.items() for alias in one.aliases.values()}
        self._region, self._account = config.region, config.account
        self._arns: dict[str, str] = {}  # target → ARN, of those that were invoked

    def publish(self, function: Function) -> None:
        """One more published version. What is the function's, not a version's, is as it is now."""
        latest = self._functions.get(function.name)
        self._versions[function.qualified] = function if latest is None else owned(function, latest)

    def unpublish(self, name: str, version: str) -> None:
        """A published version is no more."""
        self._versions.pop(f"{name}:{version}", None)

    def __iter__(self) -> Iterator[Function]:
        return iter(self._functions.values())

    def __len__(self) -> int:
        return len(self._functions)

    def versions(self) -> list[Function]:
        """All published versions, also of functions that the configuration does not have now."""
        return list(self._versions.values())

    def published(self, target: str) -> bool:
        """Whether NAME:VERSION is a published version."""
        return target in self._versions

    def aliases(self, name: str) -> list[Alias]:
        """The aliases of a function."""
        function = self._config.functions.get(name)
        return [] if function is None else list(function.aliases.values())

    def triggered(self, target: str) -> bool:
        """Whether a trigger invokes this very target."""
        function = self._config.functions.get(base(target))
        return function is not None and target in function.targets()

    def is_off(self, target: str) -> bool:
        """Whether no concurrency is reserved for the function, so that nothing of it may run."""
        function = self._functions.get(base(target))
        return function is not None and function.reserved_concurrency == 0

    def arn(self, function: Function, qualifier: str = "") -> str:
        """The function's ARN, qualified when *qualifier* is given."""
        return self.invoked_arn(f"{function.name}:{qualifier}" if qualifier else function.name)

    def invoked_arn(self, target: str) -> str:
        """The ARN of what an envelope is addressed to, qualified as it is."""
        found = self._arns.get(target)
        if found is None:
            name, _, qualifier = target.partition(":")
            found = function_arn(self._region, self._account, name) + (f":{qualifier}" if qualifier else "")
            self._arns[target] = found
        return found

    def get(self, identifier: str, qualifier: str = "") -> Function:
        """The function that an invocation of this runs: $LATEST, a published version, or one of an alias's two by its weights.

        *identifier*: name, name:qualifier, 123456789012:function:name, function:name or a full ARN; *qualifier*: what the caller
        named beside it. Raises FunctionNotFound (also for another region or account) and InvalidParameter (not an identifier; two
        different qualifiers)."""
        if not qualifier and (known := self._functions.get(identifier)) is not None:
            return known  # a plain name, as nearly all of ours: the pattern costs an invocation 2 µs
        target = self.target(identifier, qualifier)
        found = self._found(target)
        if found is None:
            raise FunctionNotFound(self.invoked_arn(target))
        return found

    def known(self, target: str) -> Function:
        """As get(), also of a function that has left the configuration: what it has under way ends by its own settings."""
        try:
            return self.get(target)
        except FunctionNotFound:
            former = self._functions.get(base(target)) or self._former.get(base(target))
            if former is None:
                raise
            return former

    def target(self, identifier: str, qualifier: str = "") -> str:
        """NAME or NAME:QUALIFIER, as envelopes have it; what get() finds now. Raises as get() does."""
        if not qualifier and identifier in self._functions:
            return identifier
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
        target = f"{name}:{version}" if version else name
        if (account and account != self._account) or not self._known(target):
            raise FunctionNotFound(arn)
        return target

    def _known(self, target: str) -> bool:
        return base(target) in self._functions and self._found(target) is not None

    def _found(self, target: str) -> Function | None:
        name, _, qualifier = target.partition(":")
        latest = self._functions.get(name)
        if qualifier in {"", LATEST} or latest is None:
            return latest
        alias = self._aliases.get(target)
        if alias is not None:
            qualifier = choose(alias, self._draw())
            if qualifier == LATEST:
                return latest
        return self._versions.get(f"{name}:{qualifier}")


def named(identifier: str, qualifier: str = "") -> tuple[str, str, str, str] | None:
    """Region, account, name and qualifier that an identifier tells, "" for what it does not; None for what is no identifier."""
    found = _IDENTIFIER.fullmatch(identifier) if len(identifier) <= _LONGEST else None
    if found is None:
        return None
    region, account, name, inside = found.group("region", "account", "name", "qualifier")
    return region or "", account or "", name, inside or qualifier


def _violation(value: str, constraint: str) -> str:
    return f"1 validation error detected: Value '{value}' at 'functionName' failed to satisfy constraint: {constraint}"
