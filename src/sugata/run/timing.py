"""How long a training takes here: a few optimizer steps of the real loop, timed."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from sugata.recipe_tasks import CodeSection
from sugata.run.assembly import Assembly, settings
from sugata.trial import Fidelity, Value

_BYTES_PER_TOKEN = 3.5  # of source code in a byte-level BPE, about
_STEPS = 5
_LONG = 2.0  # seconds; a step that takes so long is measured once


def targets_of_a_step(assembly: Assembly) -> int:
    """Tokens, pairs or images of an optimizer step."""
    recipe = assembly.recipe
    return recipe.training.batch_size * (
        recipe.training.length if isinstance(recipe.task, CodeSection) else 1
    )


def targets_of_an_epoch(assembly: Assembly, architecture: Mapping[str, Value]) -> float:
    """Tokens, pairs or images of an epoch; about, where that is text."""
    if isinstance(section := assembly.recipe.task, CodeSection):
        return section.max_bytes / _BYTES_PER_TOKEN
    return math.inf if assembly.task is None else assembly.task.epoch_size(architecture)


def step_seconds(assembly: Assembly, architecture: Mapping[str, Value]) -> float:
    """Seconds of an optimizer step of the real training loop, on one thread.

    For code on random tokens: no corpus is prepared for it.
    """
    import torch

    from sugata.tasks import CodeLanguageModelling
    from sugata.tasks.base import Batch
    from sugata.training import train

    class RandomTokens(CodeLanguageModelling):
        def batches(self, architecture: Mapping[str, Value], **shape: Any) -> Iterator[Batch]:
            size = (shape["batch_size"], shape["length"])
            while True:
                tokens = torch.randint(int(architecture["vocab_size"]), size)
                yield Batch(tokens, tokens)

    assert assembly.networks is not None
    code = isinstance(assembly.recipe.task, CodeSection)
    task = RandomTokens() if code else assembly.networks.task
    model = assembly.networks.build(architecture, Fidelity(), seed=0)
    for steps in (1, _STEPS):
        budget = Fidelity(0, "estimate", steps, "steps")
        result = train(model, task, architecture, settings(assembly.recipe), budget=budget)
        if result.seconds > _LONG:
            break
    return result.seconds / result.steps
