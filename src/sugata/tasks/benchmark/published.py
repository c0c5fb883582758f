"""What published models of up to 350 million parameters score on HumanEval, as their authors print it.

Checked: those of papers against the table of the Hugging Face space codeparrot/code-generation-models
(evaluation/eval_table.md), which has the same ones; those of model cards against the cards.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A model's printed pass@1 on HumanEval, in percent."""

    name: str
    parameters: float
    percent: float
    source: str


PUBLISHED = (
    Published("Codex-25M", 25e6, 3.21, "Chen et al. 2021"),
    Published("CodeParrot-110M", 110e6, 3.80, "card of codeparrot/codeparrot-small"),
    Published("PolyCoder-160M", 160e6, 2.13, "Xu et al. 2022"),
    Published("tiny_starcoder-164M", 164e6, 7.84, "card of bigcode/tiny_starcoder_py"),
    Published("CodeGen-350M-mono", 350e6, 12.76, "Nijkamp et al. 2022"),
)
