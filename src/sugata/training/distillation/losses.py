"""The losses of distillation, as functions of tensors."""

import torch
import torch.nn.functional as F
from torch import Tensor


def soft_targets(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(teacher || student) of logits ``(..., vocabulary)`` over T, the mean over all tokens.

    Hinton et al. 2015, section 2: the factor T^2 keeps the size of the gradient at every temperature.
    """
    ours = F.log_softmax(student.flatten(0, -2).float() / temperature, -1)
    theirs = F.log_softmax(teacher.flatten(0, -2).float() / temperature, -1)
    return F.kl_div(ours, theirs, reduction="batchmean", log_target=True) * temperature**2


def stored_soft_targets(student: Tensor, indices: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """The same where only the teacher's ``k`` largest logits are known.

    Both distributions are those over the teacher's k tokens, normalized. How much the others get is left to
    the cross-entropy: at T > 1 the teacher gives them more than can be known from few logits, and a student
    that is punished for it becomes too sure of itself.

    Args:
        student: logits ``(batch, length, vocabulary)``.
        indices: of the teacher's tokens, ``(batch, length, k)`` int64.
        logits: theirs, ``(batch, length, k)``.
    """
    return soft_targets(student.gather(-1, indices), logits, temperature)


def hidden_states(projected: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared error of a student's projected states ``(batch, length, dim)`` (TinyBERT, equation 8).

    Departure from Jiao et al. 2020: the teacher's states are standardized token by token, because those of
    residual streams grow with depth and one weight has to suit them all.
    """
    return F.mse_loss(projected.float(), F.layer_norm(teacher.float(), teacher.shape[-1:]))


def attention_weights(mixed: Tensor, teacher: Tensor) -> Tensor:
    """Squared distance of attention distributions ``(batch, heads, length, length)``, the mean over queries.

    Departure from TinyBERT (equation 7), which compares scores before the softmax of as many heads: heads of
    the student are mixed by a learned matrix, and distributions are compared, as MiniLM does (Wang et al.
    2020, equation 3, by a divergence there).
    """
    return (mixed.float() - teacher.float()).square().sum(-1).mean()


def layer_pairs(student: int, teacher: int) -> list[tuple[int, int]]:
    """Which layer of a teacher each layer of a student learns from: at the same relative depth.

    TinyBERT's uniform strategy (section 3.1, g(m) = m N / M), from 0; the last from the last.
    """
    return [
        (layer, max(0, round((layer + 1) * teacher / student) - 1)) for layer in range(student) if teacher
    ]


def projection(inputs: int, outputs: int, generator: torch.Generator) -> torch.nn.Linear:
    """A matrix without bias, learned along with the student and thrown away with it."""
    made = torch.nn.Linear(inputs, outputs, bias=False, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        made.weight.normal_(0.0, inputs**-0.5, generator=generator)
    return made
