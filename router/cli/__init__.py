"""The command `router`: words for people over the daemon's control socket and the files it leaves.

Every command is imported when it is asked for and not before, so that `router --help` stays under 100 ms and
`router invoke` under 150 ms (docs/commands.md says what each command prints and exits with)."""


def main() -> None:
    """The console script."""
    from router.cli.group import root  # noqa: PLC0415 - click costs 40 ms; `import router.cli` need not pay it

    root()
