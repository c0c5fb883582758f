"""A model on a benchmark of code: its programs are run, its likelihoods compared."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from sugata.errors import DataError, SugataError
from sugata.export import load_folder
from sugata.sandbox import Sandbox
from sugata.tasks.benchmark import PUBLISHED, Problem, judge, pass_at_k, passes
from sugata.tasks.benchmark.harness import until_stop
from sugata.tasks.benchmark.mutants import mutant
from sugata.tasks.generation import Sampling, continuations, parses

Say = Callable[[str], None]
_BATCH = 32


class Writer(Protocol):
    """A model that continues text."""

    parameters: int

    def write(
        self, prompts: Sequence[str], stops: Sequence[str], tokens: int, sampling: Sampling, seed: int
    ) -> list[str]:
        """What it writes after each prompt."""

    def nats(self, prompt: str, text: str) -> float:
        """Minus the log-likelihood of a text after a prompt."""


class ExportedWriter:
    """A folder that sugata has exported."""

    def __init__(self, folder: Path) -> None:
        self.model, self.tokenizer = load_folder(folder)
        self.model.eval()
        self.parameters = sum(one.numel() for one in self.model.parameters())

    def write(
        self, prompts: Sequence[str], stops: Sequence[str], tokens: int, sampling: Sampling, seed: int
    ) -> list[str]:
        """All prompts in batches."""
        return continuations(
            self.model,
            self.tokenizer,
            prompts,
            stop=stops,
            max_new_tokens=tokens,
            sampling=sampling,
            seed=seed,
            batch_size=_BATCH,
        )

    def nats(self, prompt: str, text: str) -> float:
        """Read as the beginning of a document."""
        ids = [self.tokenizer.encode(part, add_special_tokens=False).ids for part in (prompt, text)]
        return _nats(self.model, [0, *ids[0]], ids[1])


class TransformersWriter:
    """A local folder of the ``transformers`` library."""

    def __init__(self, folder: Path) -> None:
        try:
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError:
            raise SugataError(f"{folder}: needs transformers; pip install transformers") from None
        try:
            self.model = AutoModelForCausalLM.from_pretrained(str(folder), local_files_only=True).eval()
            self.tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            reason = (str(error).splitlines() or ["?"])[0]
            raise SugataError(f"{folder}: no model of sugata or transformers ({reason})") from None
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.tokenizer.padding_side = self.tokenizer.truncation_side = "left"
        self.positions = int(getattr(self.model.config, "max_position_embeddings", None) or 1 << 20)
        self.parameters = self.model.num_parameters()

    @torch.no_grad()
    def write(
        self, prompts: Sequence[str], stops: Sequence[str], tokens: int, sampling: Sampling, seed: int
    ) -> list[str]:
        """All prompts in batches; the library draws from torch's generator, which is put back afterwards."""
        drawn: dict[str, Any] = {"do_sample": sampling.temperature > 0}
        if sampling.temperature > 0:
            drawn |= {
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "top_k": sampling.top_k,
            }
        texts: list[str] = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for first in range(0, len(prompts), _BATCH):
                part = list(prompts[first : first + _BATCH])
                room = max(1, self.positions - tokens)  # a long prompt loses its beginning
                inputs = self.tokenizer(
                    part, return_tensors="pt", padding=True, truncation=True, max_length=room
                )
                found = self.model.generate(
                    input_ids=inputs["input_ids"],
                    attention_mask=inputs["attention_mask"],
                    max_new_tokens=tokens,
                    stop_strings=list(stops),
                    tokenizer=self.tokenizer,
                    pad_token_id=self.tokenizer.pad_token_id,
                    **drawn,
                )
                new = found[:, inputs["input_ids"].shape[1] :]
                texts += self.tokenizer.batch_decode(new, skip_special_tokens=True)
        return texts

    def nats(self, prompt: str, text: str) -> float:
        """Both parts encoded apart, as they are when text is written."""
        ids = [self.tokenizer(part, add_special_tokens=False)["input_ids"] for part in (prompt, text)]
        before = (ids[0] or [0])[-max(1, self.positions - len(ids[1])) :]
        return _nats(lambda tokens: self.model(input_ids=tokens).logits, before, ids[1])


@torch.no_grad()
def _nats(model: Callable[[torch.Tensor], torch.Tensor], before: list[int], text: list[int]) -> float:
    tokens = torch.tensor([before + text])
    logits = model(tokens)[0, len(before) - 1 : -1].float()
    return float(torch.nn.functional.cross_entropy(logits, tokens[0, len(before) :], reduction="sum"))


def writer(folder: str | Path) -> Writer:
    """The model of a folder, sugata's own or one of transformers.

    Raises:
        SugataError: it is neither.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise SugataError(f"{folder}: no model folder, its config.json is missing or broken") from None
    own = str(config.get("model_type", "")).startswith("sugata") and "auto_map" not in config
    return ExportedWriter(folder) if own else TransformersWriter(folder)


@dataclass(frozen=True)
class Settings:
    """How a model is asked.

    Attributes:
        ks: of pass@k.
        samples: of each problem.
        tokens: of a sample at most.
    """

    ks: tuple[int, ...] = (1, 10)
    samples: int = 10
    tokens: int = 256
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0

    def __post_init__(self) -> None:
        for k in self.ks:
            pass_at_k(self.samples, 0, k)


def evaluate(
    model: Writer,
    problems: Sequence[Problem],
    sandbox: Sandbox,
    settings: Settings,
    *,
    workers: int | None = None,
    say: Say = lambda text: None,
) -> dict[str, Any]:
    """Every figure of the report: pass@k, parse rate, bits per byte of right solutions, and their ranking.

    The ranking is the share of mutated solutions, proven wrong by the tests, that the model finds less likely
    than the right one; chance is one half.

    Raises:
        DataError: more samples than memory holds.
    """
    counts = [0] * len(problems)
    parsed = 0
    for number, problem in enumerate(problems):
        say(f"problem {number + 1} of {len(problems)}")
        prompts = [problem.prompt] * settings.samples
        seed = settings.seed * 1_000_003 + number
        try:
            written = model.write(prompts, problem.stops, settings.tokens, settings.sampling, seed)
        except (MemoryError, torch.OutOfMemoryError):
            raise DataError("samples: more than memory holds; lower --tokens") from None
        texts = [until_stop(text, problem.stops) for text in written]
        good = [parses(problem.before + text) for text in texts]
        parsed += sum(good)
        # What is no Python fails without being run.
        tried = [text for text, is_python in zip(texts, good, strict=True) if is_python]
        verdicts = judge(sandbox, [problem] * len(tried), tried, workers=workers)
        counts[number] = sum(verdict.passed for verdict in verdicts)
    nats = sum(model.nats(one.prompt, one.solution) for one in problems)
    size = sum(len(one.solution.encode()) for one in problems)
    say("ranking right against mutated solutions")
    return {
        **passes(counts, settings.samples, settings.ks),
        "parse_rate": parsed / (settings.samples * len(problems)),
        "bits_per_byte": nats / size / math.log(2),
        **_ranking(model, problems, sandbox, workers),
        "parameters": model.parameters,
        "problems": len(problems),
        "samples": settings.samples,
        "isolation": str(sandbox.level),
    }


def _ranking(
    model: Writer, problems: Sequence[Problem], sandbox: Sandbox, workers: int | None
) -> dict[str, float]:
    pairs = [pair for problem in problems if (pair := mutant(problem)) is not None]
    verdicts = judge(sandbox, [one for one, _ in pairs], [text for _, text in pairs], workers=workers)
    wrong = [pair for pair, verdict in zip(pairs, verdicts, strict=True) if not verdict.passed]
    first = sum(model.nats(one.prompt, one.solution) < model.nats(one.prompt, text) for one, text in wrong)
    return {"ranking": first / len(wrong) if wrong else math.nan, "ranked": float(len(wrong))}


def as_markdown(benchmark: str, found: Mapping[str, Any]) -> str:
    """The figures as a page, for HumanEval beside published models."""
    lines = [f"# {benchmark}", "", "| figure | value |", "| --- | --- |"]
    lines += [
        f"| {key} | {f'{value:.4g}' if isinstance(value, float) else value} |" for key, value in found.items()
    ]
    if benchmark == "humaneval" and "pass@1" in found:
        lines += ["", "| model | parameters | pass@1, % | source |", "| --- | --- | --- | --- |"]
        lines += [f"| this | {found['parameters'] / 1e6:.1f} M | {100 * found['pass@1']:.1f} | measured |"]
        lines += [
            f"| {one.name} | {one.parameters / 1e6:.0f} M | {one.percent} | {one.source} |"
            for one in PUBLISHED
        ]
    return "\n".join(lines) + "\n"
