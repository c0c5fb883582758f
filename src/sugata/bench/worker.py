"""A process that replays searches: a JSON line in, a JSON line out."""

import json
import sys
from dataclasses import asdict
from typing import Any

from sugata.bench.contenders import strategy_of
from sugata.bench.replay import Replay, best_value, replay
from sugata.bench.tasks import Contender, Task, evaluator_of, task_from_json
from sugata.errors import SugataError


def run(contender: Contender, task: Task, seed: int) -> Replay:
    """One search.

    Raises:
        SugataError: the strategy does not work on this table.
    """
    evaluator = evaluator_of(task)
    strategy = strategy_of(contender, evaluator, seed)
    return replay(
        strategy,
        evaluator,
        report=task.report,
        target=best_value(evaluator) if task.oracle else None,
        budget=task.budget,
        batch=task.batch,
    )


def main() -> None:
    """Answer until the input ends; an error in a search is an answer too."""
    for line in sys.stdin:
        job = json.loads(line)
        answer: dict[str, Any]
        try:
            found = run(Contender(**job["contender"]), task_from_json(job["task"]), job["seed"])
            answer = {"replay": asdict(found)}
        except SugataError as error:
            answer = {"error": str(error)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
