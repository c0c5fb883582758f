"""Three lines for tables, beside gradient boosting on the same rows: which one wins is printed."""

import sys

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from sugata import StructuredDataClassifier

x, y = load_breast_cancer(return_X_y=True, as_frame=True)
train_x, test_x, train_y, test_y = train_test_split(x, y, stratify=y, random_state=0)

budget = sys.argv[1] if len(sys.argv) > 1 else "30s"
network = StructuredDataClassifier(budget=budget).fit(train_x, train_y)
boosting = HistGradientBoostingClassifier(random_state=0).fit(train_x, train_y)
for name, model in (("network", network), ("boosting", boosting)):
    area = roc_auc_score(test_y, model.predict_proba(test_x)[:, 1])
    print(f"{name:<9} accuracy {model.score(test_x, test_y):.3f}  ROC AUC {area:.4f}")
