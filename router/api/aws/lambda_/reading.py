"""GetFunction, GetFunctionConfiguration, ListFunctions, ListVersionsByFunction, GetAccountSettings."""

from typing import Any, Final

from router.api.aws.lambda_ import tagging
from router.api.aws.lambda_.documents import listed
from router.api.aws.lambda_.place import invalid, page, text
from router.api.aws.lambda_.rooms import FUNCTIONS, Rooms
from router.api.aws.service import Call, Members
from router.config.archive import UNPACKED
from router.config.types import Function
from router.functions.uploads import LARGEST
from router.names import LATEST, base

PAGE: Final = 50  # functions of a list: Lambda API reference, ListFunctions
TOTAL: Final = 80_530_636_800  # bytes of all code: Lambda quotas, 75 GB


class Reading:
    """The operations."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def function(self, call: Call) -> Members:
        """GetFunction."""
        function, qualifier = self._rooms.found(call.parameters)
        found: dict[str, Any] = {
            "Configuration": await self._rooms.document(function, qualifier),
            "Code": {"RepositoryType": "S3", "Location": self._rooms.location(function)},
        }
        if tags := tagging.of(self._rooms.declared.get(FUNCTIONS, function.name)):
            found["Tags"] = tags
        if function.reserved_concurrency is not None:
            found["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
        return found

    async def configuration(self, call: Call) -> Members:
        """GetFunctionConfiguration."""
        return await self._rooms.document(*self._rooms.found(call.parameters))

    async def functions(self, call: Call) -> Members:
        """ListFunctions."""
        every = text(call.parameters, "FunctionVersion") == "ALL"
        rows = []
        for function in self._rooms.functions:
            rows.append((function, LATEST if every else ""))
            rows += [(one, one.version) for one in self._rooms.versions.of(function.name)] if every else []
        found = page(rows, call.parameters, key="Functions", limit=PAGE, order=lambda row: f"{row[0].name}\0{_number(row[0])}")
        return {**found, "Functions": [listed(await self._rooms.document(*row)) for row in found["Functions"]]}

    async def versions(self, call: Call) -> Members:
        """ListVersionsByFunction: $LATEST first."""
        name = base(self._rooms.functions.target(text(call.parameters, "FunctionName")))
        rows = [self._rooms.functions.get(name), *self._rooms.versions.of(name)]
        found = page(rows, call.parameters, key="Versions", limit=PAGE, order=_number)
        return {**found, "Versions": [listed(await self._rooms.document(one, one.version)) for one in found["Versions"]]}

    async def signing(self, call: Call) -> Members:
        """GetFunctionCodeSigningConfig: no function has one."""
        return {"CodeSigningConfigArn": "", "FunctionName": self._rooms.name(call.parameters)}

    async def updates(self, call: Call) -> Members:
        """GetRuntimeManagementConfig: runtimes are what is installed."""
        function, qualifier = self._rooms.found(call.parameters)
        return {"UpdateRuntimeOn": "Auto", "FunctionArn": self._rooms.place.arn(function.name, qualifier or LATEST)}

    async def recursion(self, call: Call) -> Members:
        """GetFunctionRecursionConfig, and PutFunctionRecursionConfig, which may ask for nothing else: loops are stopped."""
        self._rooms.name(call.parameters)
        if text(call.parameters, "RecursiveLoop") == "Allow":
            raise invalid("RecursiveLoop Allow is not supported: a chain of events that comes back to a function too often is stopped")
        return {"RecursiveLoop": "Terminate"}

    async def account(self, _: Call) -> Members:
        """GetAccountSettings."""
        limit = self._rooms.config.limits.concurrency
        reserved = sum(function.reserved_concurrency or 0 for function in self._rooms.functions)
        return {
            "AccountLimit": {
                "TotalCodeSize": TOTAL,
                "CodeSizeUnzipped": UNPACKED,
                "CodeSizeZipped": LARGEST,
                "ConcurrentExecutions": limit,
                "UnreservedConcurrentExecutions": limit - reserved,
            },
            "AccountUsage": {
                "TotalCodeSize": sum([await self._rooms.size(function) for function in self._rooms.functions]),
                "FunctionCount": len(self._rooms.functions),
            },
        }


def _number(function: Function) -> str:
    """Of a version, to stand by: $LATEST first."""
    return f"{0 if function.version == LATEST else int(function.version):010}"
