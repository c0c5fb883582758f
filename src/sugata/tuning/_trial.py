"""What the process of one trial runs: ``python -m sugata.tuning._trial``, started by `sugata tune` only.

A process of its own, so that a run that crashes, hangs or eats the memory is one failed trial.
"""

import argparse
import sys
from pathlib import Path

from sugata import recipe as recipes
from sugata.errors import DiskFullError, SugataError
from sugata.parent import die_with
from sugata.run import resume, start
from sugata.run.folder import JOURNAL, RECIPE

FULL = 3  #: exit code of a run that has no space left on the disk


def main() -> None:
    """Run the recipe in the folder, or go on with it; nothing is exported, and no test data are touched."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    die_with(arguments.parent)
    folder: Path = arguments.folder
    try:
        if (folder / JOURNAL).exists():
            resume(folder, ships=False)
        else:
            start(recipes.load(folder / RECIPE), folder, ships=False)
    except SugataError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(FULL if isinstance(error, DiskFullError) else 2)


if __name__ == "__main__":
    main()
