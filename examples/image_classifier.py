"""Three lines for images: a classifier of digits, and what it is made of."""

import sys

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sugata import ImageClassifier

digits = load_digits()
images, test_images, labels, test_labels = train_test_split(digits.images, digits.target, random_state=0)

budget = sys.argv[1] if len(sys.argv) > 1 else "1m"
classifier = ImageClassifier(budget=budget, max_model_size=100_000)
classifier.fit(images, labels)
print("test accuracy", classifier.score(test_images, test_labels))

print(classifier.leaderboard().head())
classifier.summary()
print("exported:", classifier.export("onnx", "digits-model"))
