"""`router completion`: the script by which a shell completes our commands, and what it completes beside their words."""

import os
from pathlib import PurePath
from typing import Any, Final

import click

from router.cli.exits import Exit, fail
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document

SHELLS: Final = ("bash", "zsh", "fish")
_CLICKS: Final = '"${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD '  # the words as click's script for bash gives them
_OURS: Final = '"${words[*]}" COMP_CWORD=$last '
_JOINED: Final = """
    local word words=() last=0 index
    for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ $word == = && ${words[last]} == --* ]] || [[ ${words[last]} == --*= && ${COMP_WORDS[index - 1]} == = ]]; then
            words[last]+=$word  # bash takes --output=json for three words
        else
            last=${#words[@]}
            words+=("$word")
        fi
    done
"""


@click.command(short_help="Print the script that completes commands in a shell.")
@click.argument("shell", required=False, type=click.Choice(SHELLS))
@shared_options
@pass_settings
def completion(settings: Settings, shell: str | None) -> None:
    """Print the script that completes commands, options, their values and names of functions. Without SHELL: for that of $SHELL.

    \b
    bash  router completion bash > ~/.local/share/bash-completion/completions/router
    zsh   router completion zsh > "${fpath[1]}/_router"
    fish  router completion fish > ~/.config/fish/completions/router.fish

    It works in the next shell. bash needs the package bash-completion for that; without it: echo 'eval "$(router completion bash)"' >> ~/.bashrc"""
    chosen = shell or _guessed()
    script = _script(chosen)
    if settings.json:
        document({"shell": chosen, "script": script})
    else:
        click.echo(script, nl=False)


def _guessed() -> str:
    """The shell of $SHELL. Fails when that is none that we know."""
    found = os.environ.get("SHELL", "")
    name = PurePath(found).name
    if name not in SHELLS:
        fail(f"which shell? $SHELL is {found or 'not set'}; name one: {', '.join(SHELLS)}", Exit.USAGE)
    return name


def _script(shell: str) -> str:
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only here

    from router.cli.group import root  # noqa: PLC0415 - which knows this module

    found: Any = get_completion_class(shell)
    script: str = found(root, {}, "router", "_ROUTER_COMPLETE").source()
    script = script.replace(_CLICKS, _OURS).replace("    local response\n", f"    local response\n{_JOINED}")  # of bash
    return script.replace(
        "$zsh_eval_context[-1] == loadautofunc", "$funcstack[1] == _router"
    )  # of zsh: holds at every call, not at the first alone
