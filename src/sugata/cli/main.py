"""The entry point: errors become one line and an exit code, never a traceback."""

import os
import sys

from sugata.errors import SugataError


def main() -> None:
    """Run the command line; exit code 2 for what a user can mend (130, by typer, for Ctrl-C)."""
    # Small matrices are many times slower on two threads of a busy machine; this process is ours to decide.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from sugata.cli.commands import app

    try:
        app(standalone_mode=True)
    except SugataError as error:
        _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left, as `head` does
    except OSError as error:
        _fail(f"{error.filename or 'system'}: {error.strerror or error}")


def _fail(message: str) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
