"""Every command: arguments, options, one line each."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from generated_pages.text import table
from sugata.cli.commands import app


def reference() -> str:
    """All commands, in the order in which a person meets them."""
    found = list(_commands("sugata", get_command(app)))
    rows = [(f"[`{name}`](#{name.replace(' ', '-')})", command.help) for name, command in found]
    parts = [
        "# Commands\n",
        "This page is written from the code when the site is built.\n",
        table(("command", "what it does"), rows),
    ]
    for name, command in found:
        parts += [f"\n## {name}\n", f"{command.help}\n", f"```text\n{_usage(name, command)}\n```\n"]
        if command.params:
            parts.append(table(("", "default", "what it is"), [_row(p) for p in command.params]))
    return "\n".join(parts) + "\n"


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, one in inner.items():
        yield from _commands(f"{name} {word}", one)


def _usage(name: str, command: Any) -> str:
    arguments = [_shown(p) for p in command.params if p.param_type_name == "argument"]
    options = ["[options]"] if len(arguments) < len(command.params) else []
    return " ".join([name, *arguments, *options])


def _shown(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _row(parameter: Any) -> tuple[str, str, str]:
    flag = parameter.param_type_name == "option"
    shown = ", ".join(f"`{one}`" for one in parameter.opts) if flag else f"`{_shown(parameter)}`"
    default = parameter.default
    if parameter.required:
        text = "*required*"
    elif default is None or default is False or callable(default) or default in ((), []):
        text = ""
    else:
        text = f"`{default}`"
    return shown, text, parameter.help or ""
