"""An evaluator of your own: gradient boosting, cross-validated, with rungs of trees and a limit known ahead.

needs: pip install 'sugata[digits]'
"""

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import cross_val_score

import sugata
from sugata.evaluators import Evaluation, Evaluator
from sugata.trial import Fidelity, Metric, Status


class Boosted(Evaluator):
    """ROC AUC in three folds; a rung is a share of the trees."""

    metrics = (Metric("roc_auc", direction="maximize"), Metric("leaves", direction="minimize"))
    ladder = (Fidelity(0, "few", 10), Fidelity(1, "all", 60))

    def evaluate(self, proposal, context):
        choices = proposal.architecture
        model = GradientBoostingClassifier(
            n_estimators=int(proposal.fidelity.amount),
            max_depth=choices["depth"],
            learning_rate=choices["rate"],
            subsample=choices["subsample"],
            random_state=context.seed % 2**32,
        )
        inputs, labels = load_breast_cancer(return_X_y=True)
        scores = cross_val_score(model, inputs, labels, cv=3, scoring="roc_auc")
        return Evaluation(
            Status.COMPLETED, {"roc_auc": float(scores.mean()), **self.quick_metrics(choices, ())}
        )

    def quick_metrics(self, architecture, names, exclusive=None):
        return {"leaves": 60.0 * 2 ** architecture["depth"]}  # known before anything is trained

    def fingerprint(self):
        return "breast cancer, three folds"


result = sugata.search(
    {
        "name": "boosted",
        "funnel": [
            {"name": "few", "amount": 10, "unit": "steps", "keep": 0.34, "capacity": 12},
            {"name": "all", "amount": 60, "unit": "steps", "capacity": 4},
        ],
        "promote_by": "roc_auc",
    },
    space={"depth": [1, 2, 3, 4], "rate": [0.03, 0.1, 0.3], "subsample": [0.5, 1.0]},
    evaluate=Boosted(),
    limits={"leaves": 500},  # depth 4 has 960 and is refused, for nothing
    run_dir="runs/boosted",
)
print(dict(result.best.architecture), result.best.metrics)
print(result.trials.groupby(["rung", "status"]).size())
