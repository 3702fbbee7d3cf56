"""AWS Lambda, API version 2015-03-31 and those beside it, over the daemon's functions.

Functions of config.yaml are shown and invoked; what is declared here is kept in the store and in force beside them (api/declared.py)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar

from router.api.aws.lambda_ import code
from router.api.aws.lambda_.asynchronous import Asynchronous
from router.api.aws.lambda_.invoking import Invoking
from router.api.aws.lambda_.layers import Layers
from router.api.aws.lambda_.managing import Managing, layering, passing
from router.api.aws.lambda_.mappings import Mappings
from router.api.aws.lambda_.naming import Naming
from router.api.aws.lambda_.permissions import Permitting
from router.api.aws.lambda_.place import text
from router.api.aws.lambda_.reading import Reading
from router.api.aws.lambda_.rooms import Rooms
from router.api.aws.lambda_.tagging import Tagging
from router.api.aws.lambda_.urls import Urls
from router.api.aws.service import Call, Members, Need, Operation
from router.iam.policy import Policy
from router.names import LATEST

Run = Callable[[Call], Awaitable[Members]]
Needs = Callable[[Call], Sequence[Need]]


class Lambda:
    """Functions, and what belongs to them."""

    name: ClassVar[str] = "lambda"

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        managing, naming, reading, mappings = Managing(rooms), Naming(rooms), Reading(rooms), Mappings(rooms)
        self._operations = {
            **self._invoking(Invoking(rooms)),
            **self._on_functions(
                {
                    "GetFunction": reading.function,
                    "GetFunctionConfiguration": reading.configuration,
                    "ListVersionsByFunction": reading.versions,
                    "GetFunctionCodeSigningConfig": reading.signing,
                    "GetRuntimeManagementConfig": reading.updates,
                    "GetFunctionRecursionConfig": reading.recursion,
                    "PutFunctionRecursionConfig": reading.recursion,
                    "DeleteFunction": managing.delete,
                    "PublishVersion": naming.publish,
                    "CreateAlias": naming.create,
                    "UpdateAlias": naming.update,
                    "GetAlias": naming.get,
                    "ListAliases": naming.list,
                    "DeleteAlias": naming.delete,
                    "PutFunctionConcurrency": managing.reserve,
                    "GetFunctionConcurrency": managing.reserved,
                    "DeleteFunctionConcurrency": managing.unreserve,
                    "PutProvisionedConcurrencyConfig": managing.provision,
                    "GetProvisionedConcurrencyConfig": managing.provisioned,
                    "ListProvisionedConcurrencyConfigs": managing.all_provisioned,
                    "DeleteProvisionedConcurrencyConfig": managing.unprovision,
                },
            ),
            **self._on_functions(_of_configs(Asynchronous(rooms), Urls(rooms), Permitting(rooms))),
            "CreateFunction": Operation(
                managing.create, rooms.place.needing("CreateFunction", passing, layering, rooms.place.tagging, code.needs_of_call)
            ),
            "UpdateFunctionCode": Operation(managing.update_code, rooms.place.needing("UpdateFunctionCode", code.needs_of_call)),
            "UpdateFunctionConfiguration": Operation(
                managing.update_configuration, rooms.place.needing("UpdateFunctionConfiguration", passing, layering)
            ),
            "ListFunctions": Operation(reading.functions, _anywhere("ListFunctions")),
            "GetAccountSettings": Operation(reading.account, _anywhere("GetAccountSettings")),
            **_mapping(mappings),
            **_tagging(Tagging(rooms, mappings)),
            **_layering(Layers(rooms)),
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        """See Service."""
        return self._operations

    def policy(self, resource: str) -> Policy | None:
        """The policy of a function, or of one of its versions and aliases: what AddPermission has made of it."""
        target = self._rooms.place.target(resource).removesuffix(f":{LATEST}")
        return self._rooms.permissions.policy(target) if target else None

    def _invoking(self, invoking: Invoking) -> dict[str, Operation]:
        needs = self._rooms.place.needing("InvokeFunction")
        return {
            "Invoke": Operation(invoking.invoke, needs),
            "InvokeAsync": Operation(invoking.invoke_async, needs),
            "InvokeWithResponseStream": Operation(invoking.stream, needs),
        }

    def _on_functions(self, runs: Mapping[str, Run]) -> dict[str, Operation]:
        """Operations whose action has their name, on the function that they name."""
        return {name: Operation(run, self._rooms.place.needing(name)) for name, run in runs.items()}


def _of_configs(asynchronous: Asynchronous, urls: Urls, permitting: Permitting) -> dict[str, Run]:
    return {
        "PutFunctionEventInvokeConfig": asynchronous.put,
        "UpdateFunctionEventInvokeConfig": asynchronous.update,
        "GetFunctionEventInvokeConfig": asynchronous.get,
        "ListFunctionEventInvokeConfigs": asynchronous.list,
        "DeleteFunctionEventInvokeConfig": asynchronous.delete,
        "CreateFunctionUrlConfig": urls.create,
        "UpdateFunctionUrlConfig": urls.update,
        "GetFunctionUrlConfig": urls.get,
        "ListFunctionUrlConfigs": urls.list,
        "DeleteFunctionUrlConfig": urls.delete,
        "AddPermission": permitting.add,
        "RemovePermission": permitting.remove,
        "GetPolicy": permitting.get,
    }


def _mapping(mappings: Mappings) -> dict[str, Operation]:
    runs: dict[str, Run] = {
        "CreateEventSourceMapping": mappings.create,
        "UpdateEventSourceMapping": mappings.update,
        "DeleteEventSourceMapping": mappings.delete,
        "GetEventSourceMapping": mappings.get,
    }
    found = {name: Operation(run, mappings.needs(name)) for name, run in runs.items()}
    return {**found, "ListEventSourceMappings": Operation(mappings.list, _anywhere("ListEventSourceMappings"))}


def _tagging(tagging: Tagging) -> dict[str, Operation]:
    runs: dict[str, Run] = {"ListTags": tagging.list, "TagResource": tagging.tag, "UntagResource": tagging.untag}
    return {name: Operation(run, tagging.needs(name)) for name, run in runs.items()}


def _layering(layers: Layers) -> dict[str, Operation]:
    def publishing(call: Call) -> Sequence[Need]:
        return [*layers.needs("PublishLayerVersion")(call), *code.needs_of_call(call)]

    return {
        "PublishLayerVersion": Operation(layers.publish, publishing),
        "GetLayerVersion": Operation(layers.get, layers.needs("GetLayerVersion", version=True)),
        "GetLayerVersionByArn": Operation(
            layers.get_by_arn, lambda call: [Need("lambda:GetLayerVersion", text(call.parameters, "Arn") or "*")]
        ),
        "ListLayerVersions": Operation(layers.versions, layers.needs("ListLayerVersions")),
        "ListLayers": Operation(layers.list, _anywhere("ListLayers")),
        "DeleteLayerVersion": Operation(layers.delete, layers.needs("DeleteLayerVersion", version=True)),
    }


def _anywhere(action: str) -> Needs:
    return lambda _: [Need(f"lambda:{action}", "*")]
