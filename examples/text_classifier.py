"""Three lines for texts: which package of Python's library is a docstring from? Beside a linear model."""

import ast
import sys
import sysconfig
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sugata import TextClassifier

library = Path(sysconfig.get_path("stdlib"))
texts, labels = [], []
for package in ("asyncio", "concurrent", "email", "http", "unittest", "xml"):
    for path in sorted((library / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
                texts.append(ast.get_docstring(node))
                labels.append(package)
print(len(texts), "docstrings")
texts, test_texts, labels, test_labels = train_test_split(texts, labels, random_state=0)

budget = sys.argv[1] if len(sys.argv) > 1 else "1m"
classifier = TextClassifier(budget=budget).fit(texts, labels)
linear = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10, max_iter=500))
linear.fit(texts, labels)
print("network", classifier.score(test_texts, test_labels), "linear", linear.score(test_texts, test_labels))
print(classifier.predict(["Run the tests and report failures.", "Wait for a task to finish."]))
