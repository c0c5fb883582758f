"""A function that reports its progress: curves, seeds and a folder of its own for each trial."""

import random

import sugata


def train(architecture, context):
    noise = random.Random(context.seed)
    accuracy = 0.0
    for epoch in range(10):
        accuracy += (1 - accuracy) * architecture["rate"] * noise.uniform(0.5, 1.5)
        if not context.report(epoch, accuracy):
            break  # asked to stop early
    (context.folder / "weights.txt").write_text(f"{accuracy}\n")
    return accuracy


result = sugata.search(
    space={"rate": [0.01, 0.03, 0.1, 0.3]},
    evaluate=train,
    maximize="accuracy",
    trials=4,
    run_dir="runs/progress",
)
print(result.trials[["rate", "accuracy"]])
