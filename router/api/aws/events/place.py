"""Where rules, buses, archives and replays are: names and ARNs of them in requests. Pure."""

from router import names
from router.api.aws.events.members import invalid, text
from router.api.aws.service import Members
from router.config.buses import DEFAULT
from router.events.eventbridge import Place


def bus_of(members: Members, place: Place, name: str = "EventBusName") -> str:
    """The bus that a request is about: by name or ARN, the default one when it says nothing."""
    own = names.bus_arn(place.region, place.account, "")
    given = text(members, name, DEFAULT) or DEFAULT
    if given.startswith("arn:") and not given.startswith(own):
        raise invalid(
            f"Parameter {name} is not valid. Reason: {given[:200]} is no event bus of this account {place.account} in {place.region}."
        )
    return given.removeprefix(own) or DEFAULT


def rule_arn(place: Place, bus: str, name: str) -> str:
    """The ARN of a rule."""
    return names.rule_arn(place.region, place.account, name, bus)


def bus_arn(place: Place, bus: str) -> str:
    """The ARN of a bus."""
    return names.bus_arn(place.region, place.account, bus)


def archive_arn(place: Place, name: str) -> str:
    """The ARN of an archive."""
    return f"arn:aws:events:{place.region}:{place.account}:archive/{name}"


def replay_arn(place: Place, name: str) -> str:
    """The ARN of a replay."""
    return f"arn:aws:events:{place.region}:{place.account}:replay/{name}"


def rule_in(arn: str, place: Place) -> tuple[str, str]:
    """The bus and the name of the rule under an ARN. Raises AwsError."""
    own = names.rule_arn(place.region, place.account, "")
    if not arn.startswith(own) or arn == own:
        raise invalid(f"Parameter {arn[:200]} is not valid. Reason: Provided Arn is not in correct format.")
    bus, _, name = arn.removeprefix(own).rpartition("/")
    return bus or DEFAULT, name
