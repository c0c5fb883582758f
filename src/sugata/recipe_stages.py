"""What a recipe says of shared weights, of stages whose results are given, and of machines and displays."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from sugata.recipe_tasks import Section

#: In place of a checkpoint of the winner's weights: those that its trial of the search has trained.
SEARCHED = "search"


class SupernetSection(Section):
    """Weights that all architectures share, trained once before the search; a method's options beside it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    method: str = Field("single_path", description="`sugata methods` lists them")
    mode: Literal["separate", "joint"] = Field(
        "separate",
        description="separate: `strategy` searches the trained supernet; joint: the method derives",
    )
    derived: int = Field(5, ge=1, description="joint: so many architectures are derived and tried")
    amount: float = Field(2000, gt=0, description="training of the supernet, in `unit`")
    unit: Literal["steps", "epochs", "seconds"] = Field(
        "steps", description="unit of `amount`; seconds for method elastic alone"
    )
    batch_size: int | None = Field(None, ge=1, description="of the supernet; null: the method's own")
    learning_rate: float | None = Field(None, gt=0, description="likewise")
    momentum: float | None = Field(None, ge=0, lt=1, description="likewise")
    weight_decay: float | None = Field(None, ge=0, description="likewise")
    clip: float | None = Field(None, ge=0, description="largest gradient norm, likewise; 0: no clipping")
    precision: Literal["auto", "fp32", "bf16"] | None = Field(None, description="of the products, likewise")
    checks: int = Field(20, ge=1, description="how often it is looked at and kept on the disk")
    network: dict[str, Any] = Field(
        {}, description="of the supernet, such as {partial: 4} or, in mobile spaces, {elastic: true}"
    )
    start: str | None = Field(
        None, description="a checkpoint of a supernet that other data have trained, to begin with"
    )
    calibration: int = Field(8, ge=1, description="batches that set the batch norms of a path to be scored")
    fine_tuning: int = Field(
        0, ge=0, description="steps that a path trains alone, as `training` says, before it is scored"
    )
    fine_tuning_rate: float | None = Field(None, gt=0, description="of these; null: that of `training`")
    ranked: int = Field(
        10, ge=0, description="so many random architectures are trained alone too, to compare ranks"
    )

    @property
    def options(self) -> dict[str, Any]:
        """The method's own options that are set."""
        return dict(self.model_extra or {})


class StagesSection(Section):
    """Results that are given, in place of the stages that would make them."""

    skip_train: str | None = Field(None, description="the trained supernet's checkpoint")
    skip_search: str | None = Field(
        None, description="the architecture to train: an architecture.json, or a name"
    )
    skip_retrain: str | None = Field(
        None,
        description="the winner's weights: a checkpoint.safetensors, `supernet`: its path's, or `search`: its"
        " trial's",
    )


class HardwareSection(Section):
    """What trains one network, or one supernet."""

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto", description="auto: a GPU where there is one"
    )
    devices: int = Field(1, ge=1, description="processes that train one network together; with strategy ddp")
    strategy: Literal["single", "ddp", "ddp_spawn"] = Field(
        "single", description="ddp: processes of their own; ddp_spawn: started by multiprocessing"
    )


class ShowSection(Section):
    """What is shown and logged while a run works."""

    progress_bar: bool = Field(True, description="the live line on a terminal")
    model_summary: bool = Field(False, description="layers and parameters of the winner before its training")
    best: int = Field(0, ge=0, description="so many of the best architectures are listed at the end")
    logger: Literal["none", "csv", "tensorboard"] = Field(
        "csv", description="of trainings: curve.csv in each folder, and event files with tensorboard"
    )
