"""What a process of strategy ``ddp`` runs: ``python -m sugata.training._rank``, by `run_ranks` only."""

import sys
from multiprocessing.connection import Connection
from pathlib import Path

from sugata.training.ranks import work


def main() -> None:
    """FOLDER RANK DEVICES ACCELERATOR DESCRIPTOR PARENT; the descriptor of the channel, or -1."""
    folder, rank, devices, accelerator, descriptor, parent = sys.argv[1:]
    channel = None if descriptor == "-1" else Connection(int(descriptor))
    work(Path(folder), int(rank), int(devices), accelerator, channel, int(parent))


if __name__ == "__main__":
    main()
