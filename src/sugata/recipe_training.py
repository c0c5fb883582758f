"""What a recipe says of trainings: the rungs of the search, who climbs them, and the winners' own."""

from typing import Any, Literal

from pydantic import Field, model_validator

from sugata.recipe_tasks import Section, Share
from sugata.trial import SHARED


class RungSection(Section):
    """One rung of the funnel."""

    name: str = Field(description="what to call it")
    amount: float = Field(gt=0, description="training up to here, counted from the start, in `unit`")
    unit: Literal["seconds", "steps", "tokens", "epochs", "supernet"] = Field(
        "seconds",
        description="unit of `amount`; seconds of CPU time on a CPU, of wall clock on a GPU; supernet:"
        " nothing is trained, the supernet scores",
    )
    samples: float | None = Field(
        None, gt=0, description="image: of the training images, a share up to 1 or a number; null: all"
    )
    channels: Share = Field(1.0, description="image: share of the network's channels")
    cells: Share = Field(1.0, description="image: share of its cells")
    resolution: Share = Field(1.0, description="image: share of the images' height and width")
    keep: Share | None = Field(None, description="share of the best that goes on to the next rung")
    threshold: float | None = Field(None, description="the primary metric must be at least as good to go on")
    capacity: int | None = Field(None, ge=1, description="how many trials at most on this rung")

    @model_validator(mode="before")
    @classmethod
    def _nothing_to_spend(cls, data: Any) -> Any:
        """A rung that scores by shared weights has no amount."""
        return {"amount": 1.0, **data} if isinstance(data, dict) and data.get("unit") == SHARED else data


class PromotionSection(Section):
    """Who goes on to the next rung of training."""

    kind: Literal["funnel", "successive_halving", "hyperband", "asha"] = Field(
        "funnel",
        description="funnel: as the rungs say; successive_halving, hyperband, asha: the best 1/eta",
    )
    eta: int = Field(3, ge=2, description="not the funnel: one of so many goes on")
    initial: int | None = Field(
        None, ge=1, description="successive_halving: a bracket begins with so many; null: eta^(rungs - 1)"
    )
    brackets: int | None = Field(
        None, ge=1, description="hyperband: brackets begin on so many of the lowest rungs; null: on all"
    )


class DistillSection(Section):
    """A teacher, for language models of code."""

    teacher: str = Field(
        description="an exported folder, a run's checkpoint, a local transformers folder, stored logits, or a"
        " JSONL file of prompts and completions"
    )
    weight: float = Field(0.5, ge=0, le=1, description="its share of the loss; of texts: of a batch's rows")
    temperature: float = Field(2.0, gt=0, description="what the logits of both are divided by")
    hidden: float = Field(0.0, ge=0, description="weight of hidden-state matching; 0: none")
    attention: float = Field(0.0, ge=0, description="weight of attention matching; 0: none")


class TrainingSection(Section):
    """How candidates are trained."""

    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="adamw, or sgd with Nesterov's momentum")
    learning_rate: float | None = Field(
        None,
        gt=0,
        description="adamw: base rate at fan-in 128, scaled with width (muP); sgd: of all; null: the default",
    )
    batch_size: int = Field(8, ge=1, description="sequences or images of a batch")
    accumulation: int = Field(1, ge=1, description="batches a step: their gradients are averaged")
    length: int = Field(256, ge=8, description="code: tokens a sequence")
    weight_decay: float | None = Field(
        None, ge=0, description="of matrices and convolutions; null: 0.1 for adamw, 0.0005 for sgd"
    )
    momentum: float = Field(0.9, ge=0, le=1, description="sgd: Nesterov's momentum")
    warmup: float = Field(0.05, ge=0, le=1, description="share of the budget that warms up")
    final_share: float = Field(0.02, ge=0, le=1, description="rate at the end, as a share of the peak")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0: no clipping")
    evaluations: int = Field(0, ge=0, description="validations during a training, evenly spaced")
    patience: int = Field(0, ge=0, description="stop after so many without a new best; 0: never")
    drop_path: float = Field(0.0, ge=0, lt=1, description="cells: operations left out, share at the end")
    auxiliary_weight: float = Field(0.4, ge=0, description="cells: of an auxiliary classifier's loss")
    checkpoint_activations: bool = Field(False, description="less memory, more time")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field("auto", description="of the matrix products")
    distill: DistillSection | None = Field(
        None, description="code: a teacher, such as {teacher: DIR, weight: 0.5}; null: none"
    )


class EarlyStopSection(Section):
    """Ending trainings of the search whose predicted end is worse than the best so far."""

    confidence: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="how sure the prediction must be, such as 0.95; null: never stop",
    )
    after: float = Field(0.25, gt=0, lt=1, description="share of its budget that every training may spend")
    rank: int = Field(1, ge=1, description="a training must promise to be one of the best so many")


class RefitSection(Section):
    """The winner's last training, on training and validation rows together.

    It takes as many passes as its best weights took; where those were the last, up to three times as many, if
    `seconds` allow. No row is left to score it on: the scores that are shown
    are those of the winner before.
    """

    seconds: float | None = Field(
        None,
        gt=0,
        description="left out where it would take longer, by what its weights took; null: never",
    )


class FinalSection(Section):
    """The winners' training after the search."""

    amount: float = Field(60, gt=0, description="full budget of a winner's training, in `unit`")
    unit: Literal["seconds", "steps", "tokens", "epochs"] = Field("seconds", description="unit of `amount`")
    channels: float = Field(1.0, gt=0, description="image: so many times the channels of the search")
    cells: float = Field(1.0, gt=0, description="image: so many times its cells")
    top: int = Field(1, ge=0, description="how many are trained, the front first; 0: the whole front")
    data: str | None = Field(
        None, description="other data than the search's, of the same task; null: the same"
    )
    training: dict[str, Any] = Field(
        {}, description="other settings than `training`, such as {batch_size: 64, learning_rate: 0.1}"
    )
    refit: RefitSection | None = Field(
        None, description="table, text: train the winner on validation rows too; {}: however long it takes"
    )
