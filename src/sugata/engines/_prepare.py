"""What a node does before its first trial: ``python -m sugata.engines._prepare``, for the Ray engine."""

import argparse
import sys

from sugata.engines.evaluation import one_line
from sugata.engines.pickling import load


def main() -> None:
    """Load the evaluator and let it prepare; what goes wrong is the last line of output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--evaluator", type=int, required=True, help="descriptor of the pickled evaluator")
    try:
        load(parser.parse_args().evaluator).prepare()
    except Exception as error:
        sys.exit(one_line(error))


if __name__ == "__main__":
    main()
