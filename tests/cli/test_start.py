"""What every command waits for: the program's own start."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "pandas", "plotly", "matplotlib", "pyarrow", "onnxruntime", "transformers")
COMMAND = """
import sys
from sugata.cli import main
sys.argv = ["sugata", "{}"]
try: main()
except SystemExit: pass
"""


@pytest.mark.parametrize(
    "program",
    [
        "import sugata; sugata.search; sugata.Recipe; sugata.Result",
        "import sugata.cli.commands",
        "import sugata.run.stages, sugata.tuning._trial",  # runs of tables and functions need no more
        COMMAND.format("--help"),
        COMMAND.format("spaces"),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(program: str) -> None:
    check = f"{program}\nimport sys\nprint('heavy:', [m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stdout


def test_help_and_import_take_less_than_half_a_second_of_computing() -> None:
    program = (
        "import sys, time; sys.argv = ['sugata', '--help']\n"
        "from sugata.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print('seconds', time.process_time())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout.split()[-1]) < 0.5


def test_help_names_every_command(sugata) -> None:
    code, out, _ = sugata("--help")
    assert code == 0
    commands = "search resume status report compare export generate spaces recipes init doctor show measure"
    assert all(f"\n  {command} " in out for command in (*commands.split(), "train", "methods", "tune"))


def test_without_arguments_it_helps(sugata) -> None:
    code, out, _ = sugata()
    assert code == 0
    assert "search" in out


def test_version(sugata) -> None:
    assert sugata("--version")[1].startswith("sugata 0.")


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "sugata", "--version"], capture_output=True, text=True)
    assert done.stdout.startswith("sugata ")
