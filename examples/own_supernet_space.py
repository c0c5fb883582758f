"""A space of your own blocks on your own images: shared weights, a search, the winner trained alone.

python own_supernet_space.py IMAGES      class folders (CLASS/picture.png), parquet, .npz or a CSV of files
"""

import sys

from torch import nn

import sugata
from sugata.oneshot import BlockSpace
from sugata.space import Choice, image_sizes

CHANNELS = 16
BLOCKS = {
    "wide": lambda: convolution(5),
    "plain": lambda: convolution(3),
    "depthwise": lambda: convolution(3, groups=CHANNELS),
    "skip": nn.Identity,
}


def convolution(kernel, groups=1):
    layer = nn.Conv2d(CHANNELS, CHANNELS, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(CHANNELS), nn.ReLU())


class MySpace(BlockSpace):
    name = "my_space"
    choices = tuple(Choice(f"block_{number}", tuple(BLOCKS)) for number in range(1, 7))

    def block(self, choice, option, signature):
        return BLOCKS[option]()

    def network(self, blocks, signature):
        sizes = image_sizes(signature)
        stem = nn.Conv2d(sizes.channels, CHANNELS, 3, stride=2, padding=1)
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, sizes.outputs)]
        return nn.Sequential(stem, *blocks.values(), *head)


recipe = {
    "name": "mine",
    "task": {"kind": "image", "data": sys.argv[1], "augment": ["flip"]},
    # Trained once, for all 4,096 networks; four random ones are trained alone, to see whether it ranks.
    "supernet": {"method": "single_path", "amount": 500, "batch_size": 32, "ranked": 4},
    "strategy": {"kind": "regularized_evolution"},
    "funnel": [{"name": "shared", "unit": "supernet", "capacity": 100}],
    "objectives": {"metrics": ["accuracy", "latency_ms"]},
    "promote_by": "accuracy",
    "limits": {"latency": "5ms"},
    "training": {"optimizer": "sgd", "batch_size": 32},
    "final": {"amount": 60, "unit": "seconds"},
}
result = sugata.search(recipe, space=MySpace())
print(result.best.architecture, result.best.metrics, result.report)
