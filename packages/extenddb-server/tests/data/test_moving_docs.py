"""The manual names every flag of the commands that move data, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from extenddb.server.cli import program
from extenddb.server.data.commands import COMMANDS

MANUAL = Path(__file__).parents[4] / "docs" / "moving-data.md"


def test_every_flag_is_in_the_manual() -> None:
    text = MANUAL.read_text("utf-8")
    flags = {flag for command in COMMANDS.values() for each in command.params for flag in each.opts}
    named = set(re.findall(r"--[a-z][a-z-]*[a-z]", text))
    sides = {flag for flag in flags if flag.startswith("--to-")}
    twins = {flag.replace("--to-", "--from-") for flag in sides}
    assert twins <= named
    assert flags - sides - named == {"--verify"}
    assert "--no-verify" in named
    assert named - flags - {"--no-verify"} == set()


def test_the_commands_are_those_of_the_program() -> None:
    import click

    context = click.Context(program)
    names = program.list_commands(context)
    assert set(COMMANDS) <= set(names)
    assert all(program.get_command(context, name) is not None for name in names)
    text = MANUAL.read_text("utf-8")
    assert all(f"`extenddb-server {name}`" in text for name in COMMANDS)
