"""A search that is interrupted twice and goes on: nothing that was finished is lost or done again."""

from pathlib import Path

import sugata

calls = Path("calls.txt")  # counts what really ran
calls.write_text("")


def score(architecture):
    done = len(calls.read_text())
    if done in (5, 11):  # as if somebody had pressed Ctrl-C there
        calls.write_text("x" * (done + 1))
        raise KeyboardInterrupt
    calls.write_text("x" * (done + 1))
    return 1 - 0.3 / architecture["depth"] - 4 / architecture["width"]


def search():
    return sugata.search(
        space={"depth": [1, 2, 3, 4, 6, 8], "width": [16, 32, 64, 128]},
        evaluate=score,
        maximize="score",
        strategy="regularized_evolution",
        trials=20,
        workers=0,
        quiet=True,
        run_dir="runs/resumed",  # the same folder: the same run goes on
    )


for attempt in range(1, 4):
    try:
        result = search()
        break
    except KeyboardInterrupt:
        print(f"interrupted, attempt {attempt}: {len(sugata.Result('runs/resumed').trials)} trials are kept")
print(len(result.trials), "trials,", len(calls.read_text()), "calls, two of which were interrupted")
print(dict(result.best.architecture), result.best.metrics)
