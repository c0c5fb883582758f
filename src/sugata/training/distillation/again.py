"""Teaching a model that exists: after pruning, or while it is pruned."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from sugata.errors import SugataError
from sugata.nn import LanguageModel
from sugata.tasks import CodeLanguageModelling
from sugata.training.loop import AfterStep, train
from sugata.training.settings import DistillationSettings, TrainingSettings
from sugata.trial import Fidelity, Status, Value


def taught(
    model: LanguageModel,
    teacher: DistillationSettings | None,
    task: CodeLanguageModelling,
    architecture: Mapping[str, Value],
    *,
    budget: Fidelity,
    training: TrainingSettings | None = None,
    seed: int = 0,
    while_training: Callable[[LanguageModel], AfterStep] | None = None,
) -> LanguageModel:
    """A copy of a model that trained further, with a teacher or without; the model itself is not changed.

    Args:
        teacher: None trains on the task alone.
        task: in the model's tokens; for an exported model `sugata.tasks.TokenizedCode`.
        architecture: names the vocabulary.
        budget: of this training alone.
        training: its settings; the defaults when None.
        seed: of the order of the data.
        while_training: makes of the copy what is called after every step with the spent share of the budget,
            such as a gradual pruning; None keeps zero what pruning has set to zero.

    Raises:
        SugataError: the teacher cannot teach this model, or the training diverged.
    """
    student = copy.deepcopy(model)
    settings = replace(training or TrainingSettings(), distill=teacher)
    result = train(
        student,
        task,
        architecture,
        settings,
        budget=budget,
        seed=seed,
        after_step=(while_training or keep_zeros)(student),
    )
    if result.status is not Status.COMPLETED:
        raise SugataError(f"training.distill: the training {result.status}: {result.reason}; lower its rate")
    return student


def keep_zeros(model: LanguageModel) -> AfterStep:
    """Set the weights of matrices that are zero now to zero again, after every step."""
    zeros = [(p, p.detach() == 0) for p in model.parameters() if p.ndim == 2 and not bool(p.all())]

    @torch.no_grad()
    def again(share: float) -> None:
        for parameter, mask in zeros:
            parameter.masked_fill_(mask, 0.0)

    return again
