"""What published models of up to 350 million parameters score on HumanEval, as their authors print it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A model's printed pass@1 on HumanEval, in percent."""

    name: str
    parameters: float
    percent: float
    source: str


PUBLISHED = (
    Published("Codex-25M", 25e6, 3.2, "Chen et al. 2021"),
    Published("CodeParrot-110M", 110e6, 3.8, "its model card"),
    Published("PolyCoder-160M", 160e6, 2.1, "Xu et al. 2022"),
    Published("tiny_starcoder-164M", 164e6, 7.8, "its model card"),
    Published("CodeGen-350M-mono", 350e6, 12.8, "Nijkamp et al. 2022"),
)
