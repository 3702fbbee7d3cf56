"""CreateFunction, UpdateFunctionCode, UpdateFunctionConfiguration, DeleteFunction, and reserved concurrency."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from router.api.aws.lambda_ import code, tagging
from router.api.aws.lambda_.authority import may_log, may_send
from router.api.aws.lambda_.place import conflict, invalid, needed, text
from router.api.aws.lambda_.rooms import FUNCTIONS, Rooms
from router.api.aws.lambda_.settings import applied, refuse, role_of, settings
from router.api.aws.service import AwsError, Call, Members, Need
from router.api.declared import Change
from router.config.fragments import TRIGGERS
from router.errors import FunctionNotFound
from router.events import arns
from router.functions.registry import OtherRegion, named
from router.iam import trust
from router.names import LATEST

_SERVICE: Final = {"iam:passedtoservice": (trust.LAMBDA,)}


def passing(call: Call) -> Sequence[Need]:
    """Who gives a function a role must be allowed to."""
    role = text(call.parameters, "Role")
    return [Need("iam:PassRole", arns.passed(role), _SERVICE)] if role else []


def layering(call: Call) -> Sequence[Need]:
    """Who gives a function layers must be allowed to read them: the function can."""
    return [Need("lambda:GetLayerVersion", str(arn) or "*") for arn in call.parameters.get("Layers") or ()]


class Managing:
    """The operations."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def create(self, call: Call) -> Members:
        """CreateFunction."""
        members, rooms = call.parameters, self._rooms
        name = self._fresh(members)
        refuse(members)
        tags = tagging.given(members.get("Tags"))
        if not text(members, "Runtime") or (not text(members, "Handler") and not text(members, "Runtime").startswith("provided")):
            raise invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
        async with rooms.turns.of(name):
            if name in rooms.config.functions:
                raise conflict(f"Function already exist: {name}")
            settled = settings(members, rooms.place, self._role(members, name))
            may_send(rooms.config, rooms.place, name, settled["role"], settled)
            may_log(rooms.config, rooms.place, name, settled["role"], settled)
            layers = rooms.layers.of(members.get("Layers") or ())
            place = await code.kept(rooms, members.get("Code") or {})
            value = applied({"code": place, "layers": [one.place for one in layers] or None}, settled)
            about = {
                "role": text(members, "Role"),
                "description": text(members, "Description"),
                "tags": tags,
                "layers": [one.reference for one in layers],
                "environment": members.get("Environment") is not None,
                "modified": rooms.clock.now(),
            }
            await rooms.declared.put(FUNCTIONS, name, value, about)
            made = await self._answer(members, name)
        return {**made, "FunctionArn": rooms.place.arn(name)}  # of a version that is published with it too: as recorded of AWS

    async def update_code(self, call: Call) -> Members:
        """UpdateFunctionCode."""
        members, rooms = call.parameters, self._rooms
        name = rooms.name(members)
        refuse(members)
        async with rooms.turns.of(name):
            fragment = rooms.own(name)
            rooms.same_revision(members, name)
            place = await code.kept(rooms, members)
            if members.get("DryRun"):
                found = await rooms.document(rooms.functions.get(name))
                await code.swept(rooms)
                return found
            about = {**fragment.about, "modified": rooms.clock.now()}
            await rooms.declared.put(FUNCTIONS, name, {**fragment.value, "code": place}, about)
            return await self._answer(members, name)

    async def update_configuration(self, call: Call) -> Members:
        """UpdateFunctionConfiguration."""
        members, rooms = call.parameters, self._rooms
        name = rooms.name(members)
        async with rooms.turns.of(name):
            fragment = rooms.own(name)
            rooms.same_revision(members, name)
            changes = settings(members, rooms.place, self._role(members, name) if members.get("Role") else None)
            role = changes.get("role") or fragment.value.get("role", "")
            may_send(rooms.config, rooms.place, name, role, changes)
            may_log(rooms.config, rooms.place, name, role, changes)
            about: dict[str, Any] = {**fragment.about, "modified": rooms.clock.now()}
            if members.get("Layers") is not None:
                layers = rooms.layers.of(members["Layers"])
                changes["layers"] = [one.place for one in layers] or None
                about["layers"] = [one.reference for one in layers]
            for key, member in (("role", "Role"), ("description", "Description")):
                about[key] = text(members, member) if members.get(member) is not None else about.get(key, "")
            about["environment"] = about.get("environment") or members.get("Environment") is not None
            await rooms.declared.put(FUNCTIONS, name, applied(fragment.value, changes), about)
            return await self._answer({}, name)

    async def delete(self, call: Call) -> Members:
        """DeleteFunction, or one of its versions."""
        members, rooms = call.parameters, self._rooms
        target = rooms.functions.target(text(members, "FunctionName"), text(members, "Qualifier"))
        name, _, qualifier = target.partition(":")
        if qualifier == LATEST:
            raise invalid("$LATEST version cannot be deleted without deleting the function.")
        async with rooms.turns.of(name):
            if qualifier and not qualifier.isdecimal():
                raise invalid("Deletion of aliases is not currently supported.")
            if qualifier:
                await rooms.versions.delete(name, qualifier)
            else:
                await self._delete(name)
            await code.swept(rooms)
        return {"StatusCode": 204}

    async def _delete(self, name: str) -> None:
        """The function, what is kept of it beside its declaration, and the triggers that the API gave it."""
        rooms = self._rooms
        rooms.own(name)
        keys = ((FUNCTIONS, name), *((TRIGGERS, one.name) for one in rooms.trigger_of(name)))
        with needed(f"Function {name}"):
            await rooms.declared.change(Change(removes=keys))

    async def _answer(self, members: Members, name: str) -> dict[str, Any]:
        """The function as it is now, or the version that was published of it."""
        rooms = self._rooms
        await code.swept(rooms)
        if not members.get("Publish"):
            return await rooms.document(rooms.functions.get(name))
        published = await rooms.versions.publish(name, text(members, "Description"))
        return await rooms.document(rooms.functions.get(name, published["version"]), published["version"])

    def _fresh(self, members: Members) -> str:
        """The name of a function that is to be made. Raises AwsError, FunctionNotFound."""
        found = named(text(members, "FunctionName"))
        if found is None or "." in found[2]:
            raise invalid(f"{text(members, 'FunctionName'):.140} is no name of a function")
        region, account, name, qualifier = found
        if region and region != self._rooms.place.region:
            raise OtherRegion(self._rooms.place.arn(name), region, self._rooms.place.region)
        if account and account != self._rooms.place.account:
            raise FunctionNotFound(self._rooms.place.arn(name))
        if qualifier:
            raise invalid("This operation is permitted on Lambda functions only.")
        if len(name) > 64:
            raise invalid(
                f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: "
                "Member must have length less than or equal to 64"
            )
        return name

    def _role(self, members: Members, name: str) -> str:
        """The role's name. Raises AwsError."""
        arn = text(members, "Role")
        role = role_of(arn, self._rooms.place)
        if role not in self._rooms.config.roles:
            raise invalid(
                f"The role defined for the function cannot be assumed by Lambda. (config.yaml has no role {role:.64}; "
                "roles are defined there, under roles)"
            )
        found, config = self._rooms.config.roles[role], self._rooms.config
        if not trust.lets(role, found.trust, trust.LAMBDA, config.account, self._rooms.place.arn(name)):
            raise invalid("The role defined for the function cannot be assumed by Lambda.")
        return role

    # -- reserved concurrency

    async def reserve(self, call: Call) -> Members:
        """PutFunctionConcurrency."""
        name = self._concurrent(call.parameters)
        count = int(call.parameters["ReservedConcurrentExecutions"])
        self._leave_some(name, count)
        await self._set(name, {"reserved_concurrency": count})
        return {"ReservedConcurrentExecutions": count}

    def _leave_some(self, name: str, count: int) -> None:
        """Raise AwsError when too little would be left for the functions without a reservation."""
        functions, limit = self._rooms.config.functions, self._rooms.config.limits.concurrency
        least = int(any(one.reserved_concurrency is None for other, one in functions.items() if other != name))
        others = sum(one.reserved_concurrency or 0 for other, one in functions.items() if other != name)
        if others + count + least > limit:
            raise invalid(
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum "
                f"value of [{least}]."
            )

    async def reserved(self, call: Call) -> Members:
        """GetFunctionConcurrency."""
        count = self._rooms.functions.get(self._rooms.name(call.parameters)).reserved_concurrency
        return {} if count is None else {"ReservedConcurrentExecutions": count}

    async def unreserve(self, call: Call) -> Members:
        """DeleteFunctionConcurrency."""
        await self._set(self._concurrent(call.parameters), {"reserved_concurrency": None})
        return {}

    def _concurrent(self, members: Members) -> str:
        """The function's name; not found is told of $LATEST, as AWS does. Raises RouterError."""
        try:
            return self._rooms.name(members)
        except OtherRegion:
            raise
        except FunctionNotFound as error:
            raise FunctionNotFound(error.arn if error.arn.count(":") > 6 else f"{error.arn}:{LATEST}") from error

    async def _set(self, name: str, changes: Mapping[str, Any]) -> None:
        async with self._rooms.turns.of(name):
            fragment = self._rooms.own(name)
            await self._rooms.declared.put(FUNCTIONS, name, applied(fragment.value, dict(changes)))

    # -- provisioned concurrency belongs to functions here, not to their versions and aliases

    async def provision(self, call: Call) -> Members:
        """PutProvisionedConcurrencyConfig: refused."""
        self._rooms.functions.target(text(call.parameters, "FunctionName"), text(call.parameters, "Qualifier"))
        raise invalid("Provisioned concurrency is a function's own here: provisioned_concurrency in config.yaml")

    async def provisioned(self, call: Call) -> Members:
        """GetProvisionedConcurrencyConfig: there is none."""
        self._rooms.functions.target(text(call.parameters, "FunctionName"), text(call.parameters, "Qualifier"))
        told = "No Provisioned Concurrency Config found for this function"
        raise AwsError("ProvisionedConcurrencyConfigNotFoundException", told, 404)

    async def all_provisioned(self, call: Call) -> Members:
        """ListProvisionedConcurrencyConfigs: there are none."""
        self._rooms.name(call.parameters)
        return {"ProvisionedConcurrencyConfigs": []}

    async def unprovision(self, call: Call) -> Members:
        """DeleteProvisionedConcurrencyConfig: there was none."""
        self._rooms.functions.target(text(call.parameters, "FunctionName"), text(call.parameters, "Qualifier"))
        return {}
