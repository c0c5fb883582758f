"""A process that replays searches: a JSON line in, a JSON line out."""

import json
import sys
from dataclasses import asdict
from typing import Any

from sugata.bench.clock import cost_of
from sugata.bench.contenders import strategy_of
from sugata.bench.replay import Replay, best_value, replay
from sugata.bench.tasks import Job, evaluator_of
from sugata.engines import SimulatedEngine
from sugata.errors import SugataError


def run(job: Job) -> Replay:
    """One search.

    Raises:
        SugataError: the strategy does not work on this table.
    """
    task, evaluator = job.task, evaluator_of(job.task)
    engine = None
    if job.workers:
        cost, _ = cost_of(evaluator)
        engine = SimulatedEngine(evaluator, cost, job.workers, synchronous=job.synchronous)
    return replay(
        strategy_of(job.contender, evaluator, job.seed),
        evaluator,
        report=task.report,
        target=best_value(evaluator) if task.oracle and not job.workers else None,
        budget=task.budget,
        batch=task.batch,
        engine=engine,
    )


def main() -> None:
    """Answer until the input ends; an error in a search is an answer too."""
    for line in sys.stdin:
        answer: dict[str, Any]
        try:
            answer = {"replay": asdict(run(Job.from_json(json.loads(line))))}
        except SugataError as error:
            answer = {"error": str(error)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
