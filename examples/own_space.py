"""A space of your own: residual networks whose stages are choices; searched, exported, tested on digits."""

from torch import nn

import sugata
from sugata.export import load_image_folder
from sugata.space import Choice, Condition, SearchSpace, image_sizes


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels, kernel, activation):
        super().__init__()
        convolution = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)
        again = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)
        self.branch = nn.Sequential(
            convolution, nn.BatchNorm2d(channels), activation(), again, nn.BatchNorm2d(channels)
        )

    def forward(self, x):
        return x + self.branch(x)


ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU}


class Residuals(SearchSpace):
    name = "residuals"
    choices = (
        Choice("width", (8, 16, 24), ordered=True),
        Choice("blocks", (0, 1, 2), ordered=True, description="residual blocks of each stage"),
        # Without blocks there is no kernel to choose: such architectures are one, and trained once.
        Choice("kernel", (3, 5), ordered=True, when=Condition(("blocks",), lambda n: n > 0, "blocks > 0")),
        Choice("activation", tuple(ACTIVATIONS)),
    )

    def build(self, architecture, signature):
        sizes, width = image_sizes(signature), architecture["width"]
        activation = ACTIVATIONS[architecture["activation"]]
        layers = [nn.Conv2d(sizes.channels, width, 3, padding=1)]
        for stage in range(2):
            if stage:
                layers += [nn.Conv2d(width, 2 * width, 2, stride=2), activation()]
                width *= 2
            for _ in range(architecture["blocks"]):
                layers.append(Residual(width, architecture["kernel"], activation))
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, sizes.outputs))


space = Residuals()
print(space.size(), "combinations,", space.distinct(), "different networks")
result = sugata.search(
    {
        "name": "residuals",
        "task": {"kind": "image", "data": "digits"},
        "strategy": {"kind": "regularized_evolution", "population": 6, "tournament": 3},
        "funnel": [{"name": "short", "amount": 3, "unit": "epochs", "capacity": 16}],
        "promote_by": "accuracy",
        "objectives": {"metrics": ["accuracy", "parameters"]},
        "training": {"optimizer": "sgd", "learning_rate": 0.05, "batch_size": 32},
        "final": {"amount": 20, "unit": "epochs"},
    },
    space=space,
    run_dir="runs/residuals",
)
print(dict(result.best.architecture), result.best.metrics["accuracy"])
print(load_image_folder("runs/residuals/best", space))
