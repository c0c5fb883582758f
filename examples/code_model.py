"""Find, train and export a small code model, then let it write."""

import sugata

result = sugata.search("tiny", data="stdlib", budget="2m", limits={"size": "2MB"})
print(result.best.metrics, [trial.number for trial in result.front])
print(result.model())
