"""The command line: one function a command, no logic of its own."""

from sugata.cli.main import main

__all__ = ["main"]
