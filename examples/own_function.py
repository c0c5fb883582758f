"""Search with a function of your own: the journal, workers, limits and the report come along."""

import sugata


def train_and_score(architecture):
    depth, width = architecture["depth"], architecture["width"]
    return {"accuracy": 1 - 0.3 / depth - 4 / width, "parameters": depth * width**2}  # yours trains here


result = sugata.search(
    space={"depth": [2, 4, 8], "width": [32, 64, 128]},
    evaluate=train_and_score,
    maximize="accuracy",
    limits={"parameters": 50_000},
)
print(result.best.architecture, result.best.metrics, result.report)
