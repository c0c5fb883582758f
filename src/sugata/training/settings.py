"""How a network is trained, as one frozen value."""

from dataclasses import dataclass
from typing import Literal

from sugata.errors import RecipeError

Precision = Literal["auto", "fp32", "bf16", "fp16"]
Optimizer = Literal["adamw", "sgd"]

#: Base rates where none is given.
RATES = {"adamw": 0.004, "sgd": 0.1}
#: Likewise of weight decay. AdamW's 0.1 at SGD's rates would leave little of the weights.
DECAYS = {"adamw": 0.1, "sgd": 5e-4}


@dataclass(frozen=True)
class DistillationSettings:
    """What the training loop needs to know of a teacher.

    Attributes:
        teacher: an exported folder, the folder of a checkpoint in a run, a local transformers folder, a
            folder of stored logits (`write_logits`), or a JSONL file of prompts and completions.
        weight: the teacher's share of the loss, the rest is the task's own. With completions: the share of a
            batch's rows that are completions.
        temperature: what logits of both are divided by.
        hidden: weight of hidden-state matching, added to the loss; 0 leaves it out.
        attention: weight of attention matching, added to the loss; 0 leaves it out.
    """

    teacher: str
    weight: float = 0.5
    temperature: float = 2.0
    hidden: float = 0.0
    attention: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise RecipeError(f"training.distill.weight is {self.weight}; it must be from 0 to 1")
        if not self.temperature > 0:
            raise RecipeError(f"training.distill.temperature is {self.temperature}; it must be above 0")
        for name in ("hidden", "attention"):
            if not getattr(self, name) >= 0:
                raise RecipeError(f"training.distill.{name} is {getattr(self, name)}; it must be at least 0")


@dataclass(frozen=True)
class TrainingSettings:
    """What the training loop needs to know besides model, task and budget.

    Attributes:
        optimizer: adamw, or sgd with Nesterov's momentum, which suits convolutional networks.
        learning_rate: for adamw that of hidden matrices whose fan-in is `base_width` (see
            `parameter_groups`), for sgd that of all parameters; None: 0.004 and 0.1.
        base_width: fan-in at which a matrix trains at the base rate (muP).
        weight_decay: of matrices and convolutions; vectors and norms do not decay. None: 0.1 and 0.0005.
        betas: AdamW's decay rates of the two moments.
        momentum: of sgd.
        warmup: share of the budget in which the rate climbs to its peak.
        final_share: the rate at the end of the budget as a share of the peak.
        batch_size: sequences (or examples) of a micro-batch, over all processes together.
        length: tokens of a sequence; None leaves it to the task.
        accumulation: micro-batches whose gradients are averaged before each step.
        clip: largest norm of the whole gradient; 0 leaves gradients as they are.
        precision: of the matrix products; parameters and moments are always fp32.
        drop_path: probability of leaving out an operation of a cell at the end of the budget; it grows
            linearly from 0.
        auxiliary_weight: of an auxiliary classifier's loss, where the network has one.
        checkpoint_activations: store less for the backward pass and compute it again.
        evaluations: validations during training, evenly spaced over the budget; the last at its end.
        evaluation_limit: how much of the validation split each of them uses, in bytes of text or in images;
            None takes all of it.
        patience: stop after so many validations in a row without a new best, and keep the best weights;
            0 never stops.
        checkpoint_seconds: wall-clock seconds between checkpoints.
        distill: the teacher of a language model; None has none.
    """

    optimizer: Optimizer = "adamw"
    learning_rate: float | None = None
    base_width: int = 128
    weight_decay: float | None = None
    betas: tuple[float, float] = (0.9, 0.95)
    momentum: float = 0.9
    warmup: float = 0.05
    final_share: float = 0.02
    batch_size: int = 8
    length: int | None = 256
    accumulation: int = 1
    clip: float = 1.0
    precision: Precision = "auto"
    drop_path: float = 0.0
    auxiliary_weight: float = 0.4
    checkpoint_activations: bool = False
    evaluations: int = 0
    evaluation_limit: int | None = 65_536
    patience: int = 0
    checkpoint_seconds: float = 60.0
    distill: DistillationSettings | None = None

    def __post_init__(self) -> None:
        if self.optimizer not in RATES:
            raise RecipeError(f"training.optimizer is {self.optimizer!r}; choose adamw or sgd")
        for name in ("rate", "base_width", "batch_size", "accumulation"):
            if not getattr(self, name) > 0:
                field = "learning_rate" if name == "rate" else name
                raise RecipeError(f"training.{field} is {getattr(self, name)}; it must be greater than 0")
        for name in (
            "decay",
            "clip",
            "auxiliary_weight",
            "evaluations",
            "patience",
            "checkpoint_seconds",
        ):
            if not getattr(self, name) >= 0:
                field = "weight_decay" if name == "decay" else name
                raise RecipeError(f"training.{field} is {getattr(self, name)}; it must be at least 0")
        for name in ("warmup", "final_share", "momentum"):
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"training.{name} is {getattr(self, name)}; it must be from 0 to 1")
        if not 0 <= self.drop_path < 1:
            raise RecipeError(f"training.drop_path is {self.drop_path}; it must be at least 0 and below 1")
        if self.precision not in ("auto", "fp32", "bf16", "fp16"):
            raise RecipeError(f"training.precision is {self.precision!r}; choose auto, fp32, bf16 or fp16")
        if self.patience and not self.evaluations:
            raise RecipeError("training.patience needs validations; set training.evaluations as well")

    @property
    def rate(self) -> float:
        """The base rate: the one that is given, else the optimizer's usual one."""
        return RATES[self.optimizer] if self.learning_rate is None else self.learning_rate

    @property
    def decay(self) -> float:
        """The weight decay: the one that is given, else the optimizer's usual one."""
        return DECAYS[self.optimizer] if self.weight_decay is None else self.weight_decay
