"""What a recipe says of its task, and the quantities that its fields are written in."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

_SIZES = {"": 1.0, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30}
_SECONDS = {"": 1.0, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_MILLISECONDS = {"": 1.0, "us": 1e-3, "ms": 1.0, "s": 1e3}


def _quantity(units: Mapping[str, float], examples: str) -> Any:
    def parse(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([a-z]*)\s*", value.lower())
        if match is None or match[2] not in units:
            raise ValueError(f"write it like {examples}")
        return float(match[1]) * units[match[2]]

    return parse


Bytes = Annotated[float, BeforeValidator(_quantity(_SIZES, "50MB, 800kB or 2GB")), Field(gt=0)]
Seconds = Annotated[float, BeforeValidator(_quantity(_SECONDS, "90s, 10m or 1.5h")), Field(gt=0)]
Milliseconds = Annotated[float, BeforeValidator(_quantity(_MILLISECONDS, "10ms or 0.5s")), Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]


class Section(BaseModel):
    """A section of a recipe: frozen, and without fields that are not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BenchmarkSection(Section):
    """Problems that candidates are asked to program: metrics of a search, and of its winner."""

    name: Literal["mbpp", "humaneval"] = Field(
        "mbpp", description="what guides; humaneval has no part for that: its metrics begin with oracle_"
    )
    files: dict[str, str] = Field(
        {}, description="a benchmark's JSONL(.gz) file or hf:NAME, by its name; else from Hugging Face"
    )
    part: Literal["validation", "train"] = Field("validation", description="of mbpp, as published")
    problems: int = Field(20, ge=1, description="so many of them guide, the first")
    k: tuple[int, ...] = Field((1,), description="of pass_at_k, such as [1, 5]")
    samples: int = Field(5, ge=1, description="programs a problem")
    tokens: int = Field(128, ge=1, description="of a program at most")
    temperature: float = Field(0.8, ge=0, description="of drawing; 0 is greedy")
    top_p: float = Field(0.95, gt=0, le=1, description="draw from the smallest set of this probability")
    rungs: Literal["top", "all"] = Field(
        "top", description="where programs are written and run; likelihoods are compared on all rungs"
    )
    judges: tuple[Literal["mbpp", "humaneval"], ...] = Field(
        ("mbpp",), description="score the winner once, on test problems"
    )
    test_problems: int | None = Field(100, ge=1, description="so many of each of these; null: all")
    isolation: Literal["bubblewrap", "namespaces", "landlock", "none"] | None = Field(
        None,
        description="of programs; null: the strongest here; none: with your rights",
    )

    @model_validator(mode="after")
    def _possible(self) -> "BenchmarkSection":
        if unknown := self.files.keys() - {"mbpp", "humaneval"}:
            raise ValueError(f"files: {min(unknown)!r} is none of mbpp, humaneval")
        for k in self.k:
            if not 1 <= k <= self.samples:
                raise ValueError(f"k: pass@{k} needs k from 1 and as many samples; samples is {self.samples}")
        return self


class CodeSection(Section):
    """Language modelling of source code."""

    kind: Literal["code"] = Field("code", description="code: language modelling of source code")
    data: str = Field(
        "stdlib",
        description="stdlib (this Python's library), a file or folder of code, parquet or JSONL, or hf:NAME",
    )
    max_bytes: Bytes = Field(8e6, description="how much text to use at most")
    evaluation_bytes: Bytes = Field(200e3, description="validation text that scores a candidate")
    test_bytes: Bytes = Field(400e3, description="test text that scores the winner, once")
    pad_vocabulary: bool = Field(
        False, description="fill vocabularies that the data are too small for with tokens that never occur"
    )
    benchmark: BenchmarkSection | None = Field(
        None, description="problems to program besides, such as {name: mbpp, samples: 5}; null: none"
    )


class ImageSection(Section):
    """The class of an image, or values that it shows."""

    kind: Literal["image"] = Field(
        "image", description="image: the class of an image, or values that it shows"
    )
    data: str = Field(
        "digits",
        description="digits (scikit-learn's), a folder of class folders, parquet, CSV, NumPy, or hf:NAME",
    )
    predict: Literal["class", "value"] = Field("class", description="class, or value for numbers")
    resize: int | None = Field(None, ge=1, description="height and width of all images; null: as they are")
    max_samples: int | None = Field(None, ge=2, description="so many images train at most; null: all")
    validation_share: float = Field(
        0.1, gt=0, le=0.5, description="held out for validation, where the data come without"
    )
    validation_images: int | None = Field(None, ge=1, description="so many images, in place of the share")
    test_share: float = Field(0.2, gt=0, lt=0.5, description="held out for test, where the data come without")
    classes: int | None = Field(None, ge=2, description="so many the data must have; null: as they have")
    augment: tuple[str, ...] = Field((), description="of crop, flip, cutout, affine, in their order")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the loss that is spread over classes"
    )
    evaluation_images: int | None = Field(
        None, ge=1, description="validation images that score a candidate; null: all"
    )


class CodeSearchSection(Section):
    """The function that a sentence describes."""

    kind: Literal["code_search"] = Field(
        "code_search", description="code_search: find the function that a docstring describes"
    )
    data: str = Field(
        "stdlib",
        description="stdlib, a folder of Python files, parquet or JSONL with docstring and code, or hf:NAME",
    )
    max_pairs: int | None = Field(None, ge=4, description="so many pairs train at most; null: all")
    held_out: int = Field(
        1000, ge=2, description="pairs for validation, and for test, where the data come without"
    )
    towers: Literal["shared", "two"] = Field("shared", description="one network reads both, or each its own")
    pooling: Literal["weighted", "mean", "last"] = Field(
        "weighted", description="of features: mean with learned weights, plain mean, or the end of text"
    )
    projection: int = Field(128, ge=1, description="width of the vectors")
    temperature: float = Field(0.05, gt=0, description="what similarities are divided by in the loss")
    query_tokens: int = Field(48, ge=4, description="tokens of a query at most")
    code_tokens: int = Field(128, ge=8, description="tokens of a function at most")
    distractors: int = Field(999, ge=1, description="wrong functions beside the right one")
    pad_vocabulary: bool = Field(
        False, description="fill vocabularies that the data are too small for with tokens that never occur"
    )
    evaluation_pairs: int | None = Field(
        1000, ge=1, description="validation queries that score a candidate; null: all"
    )
    test_pairs: int | None = Field(
        None, ge=1, description="test queries that score the winner, once; null: all"
    )


class BlocksSection(Section):
    """What tasks for graphs of blocks have in common."""

    class_weight: dict[str, Literal["balanced"] | dict[str, float]] = Field(
        {}, description="by target: balanced, or a weight for each class"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the loss that is spread over classes"
    )
    primary: str | None = Field(None, description="the metric that validations compare by; null: the first")
    evaluation_rows: int | None = Field(
        None, ge=1, description="validation rows that score a candidate; null: all"
    )
    folds: int = Field(
        1, ge=1, description="candidates are scored by so many networks, each on its part of the rows"
    )


class RowsSection(BlocksSection):
    """What a file of rows is read by."""

    kind: Literal["table", "text"]
    data: str
    target: str | tuple[str, ...] | None = Field(
        None, description="the column, or columns, to predict; null: label, target, class or y"
    )
    predict: Literal["class", "labels", "value"] = Field(
        "class", description="class; labels for several columns of 0 and 1; value for numbers"
    )
    validation_share: float = Field(
        0.1, gt=0, le=0.5, description="held out for validation, where the files come without"
    )
    test_share: float = Field(
        0.2, gt=0, lt=0.5, description="held out for test, where the files come without"
    )


class TableFileSection(RowsSection):
    """A column of a table, by the others."""

    kind: Literal["table"] = Field("table", description="table: a column, predicted by the others")
    data: str = Field(
        "breast_cancer",
        description="breast_cancer (scikit-learn's), a CSV, TSV or Parquet file, or a folder of such files",
    )
    drop: tuple[str, ...] = Field((), description="columns that are left out")
    columns: dict[str, Literal["number", "truth", "category", "date", "words"]] = Field(
        {}, description="kinds of some columns; the others' are found in their values"
    )


class TextFileSection(RowsSection):
    """The class of a text, or a value that goes with it."""

    kind: Literal["text"] = Field("text", description="text: the class of a text, or a value of it")
    data: str = Field(
        "stdlib",
        description="stdlib (docstrings by package), a CSV, TSV or Parquet file, or a folder of such files",
    )
    text: str | None = Field(None, description="the column of texts; null: text, sentence, review or content")
    words: int = Field(20_000, ge=1, description="of the vocabulary at most")
    length: int | None = Field(None, ge=1, description="of a text in words; null: what 95 % of them need")


class PreparedSection(BlocksSection):
    """Whatever was prepared: what the classes for images, texts and tables run on."""

    kind: Literal["prepared"] = Field(
        "prepared", description="prepared: arrays with the adapters that made them of raw rows"
    )
    data: str = Field(description="the folder of the prepared data")
    augment: dict[str, str] = Field(
        {}, description="by image input: the block that chooses a policy, or a policy such as shift+flip"
    )
    loss_weights: dict[str, float] = Field({}, description="by target, where there are several")


TASKS: Mapping[str, type[Section]] = {
    "code": CodeSection,
    "code_search": CodeSearchSection,
    "image": ImageSection,
    "prepared": PreparedSection,
    "table": TableFileSection,
    "text": TextFileSection,
}


def kind_of(section: Any) -> str:
    """Which task a section is of: code where it does not say."""
    found = section.get("kind", "code") if isinstance(section, Mapping) else getattr(section, "kind", "code")
    return str(found)


Task = Annotated[
    Annotated[CodeSection, Tag("code")]
    | Annotated[CodeSearchSection, Tag("code_search")]
    | Annotated[ImageSection, Tag("image")]
    | Annotated[PreparedSection, Tag("prepared")]
    | Annotated[TableFileSection, Tag("table")]
    | Annotated[TextFileSection, Tag("text")],
    Discriminator(kind_of),
]
