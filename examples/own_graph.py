"""A graph of blocks of your own: an image and a table row in, a class and a number out."""

import sys

import numpy as np

import sugata

rng = np.random.default_rng(0)
images = rng.integers(0, 256, (600, 12, 12), dtype=np.uint8)
rows = rng.normal(size=(600, 3))
half = (images[:, :6].mean((1, 2)) > images[:, 6:].mean((1, 2))).astype(int)  # the brighter half
value = 2 * rows[:, 0] + half
train, test = slice(0, 450), slice(450, 600)

image, row = sugata.ImageInput(), sugata.StructuredDataInput()
seen = sugata.ConvBlock(num_blocks=2, filters=[8, 16])(sugata.Normalization()(image))  # filters are searched
both = sugata.Merge()([seen, sugata.DenseBlock()(row)])
outputs = [sugata.ClassificationHead(name="half")(both), sugata.RegressionHead(name="value")(both)]

budget = sys.argv[1] if len(sys.argv) > 1 else "45s"
model = sugata.AutoModel([image, row], outputs, budget=budget)
model.fit([images[train], rows[train]], [half[train], value[train]])
print(model.evaluate([images[test], rows[test]], [half[test], value[test]]))
model.summary()
