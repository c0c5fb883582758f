"""What a search measures on a benchmark of code: problems that guide it, and others that judge its winner."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from tokenizers import Tokenizer
from torch import nn

from sugata.evaluators.benchmark import Settings, Wrong, evaluate, likelihoods, proven_wrong, written
from sugata.evaluators.writers import ModelWriter
from sugata.sandbox import Level, Sandbox
from sugata.tasks.benchmark import Problem, guides, has_parts, judges, read_problems
from sugata.trial import Metric

ORACLE = "oracle_"  # of metrics whose problems belong to a test set


@dataclass(frozen=True)
class Rungs:
    """From which rung on something is measured.

    Attributes:
        likelihoods: those of right and mutated solutions.
        programs: what is written and run, which takes longer.
    """

    likelihoods: int = 0
    programs: int = 0


class CodeBenchmark:
    """Metrics of language models on a benchmark's problems.

    Where the benchmark has a part for validation, that part guides and its test part judges; else the names
    of the metrics say ``oracle``: the search has seen the test problems.

    Files are read when they are first needed, or by `prepare`; it is sent to worker processes with what was
    read. Each of them proves the mutated solutions wrong once.

    Args:
        name: of the benchmark that guides.
        settings: how models are asked.
        rungs: where what is measured.
        files: of benchmarks by name; from Hugging Face where none is given.
        part: of the benchmark that guides, where it has parts.
        problems: so many of them guide, the first; None: all.
        judges: benchmarks on whose test problems the winner is scored, once.
        test_problems: so many of each of these; None: all.
        isolation: the sandbox's level; None: the strongest of the machine; none: agreed to.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        rungs: Rungs | None = None,
        *,
        files: Mapping[str, str] | None = None,
        part: str = "validation",
        problems: int | None = None,
        judges: Sequence[str] = (),
        test_problems: int | None = None,
        isolation: str | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self.rungs = rungs or Rungs()
        self.files = dict(files or {})
        self.part = part
        self.problems = problems
        self.judged_by = tuple(judges)
        self.test_problems = test_problems
        self.isolation = isolation
        self._wrong: Wrong | None = None

    @cached_property
    def guides(self) -> list[Problem]:
        """The problems that guide."""
        return guides(self.name, self._read(self.name), self.part)[: self.problems]

    @cached_property
    def judges(self) -> dict[str, list[Problem]]:
        """The problems that judge, by the name of their benchmark."""
        return {name: judges(name, self._read(name))[: self.test_problems] for name in self.judged_by}

    def prepare(self) -> None:
        """Read all problems, and look whether programs can be isolated here.

        Raises:
            DataError: a file is missing, lacks a field or has no problem of the part.
            SandboxError: nothing isolates programs, and nobody agreed to that.
        """
        self.guides, self.judges  # noqa: B018 - read now
        self.sandbox()

    def _read(self, name: str) -> list[Problem]:
        return read_problems(name, self.files.get(name))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What is measured: of programs that are run, and of likelihoods, which small models differ in."""
        lower, upper = self.rungs.likelihoods, self.rungs.programs
        of = f"on problems of {self.name}"
        ks = [
            Metric(self._name(f"pass_at_{k}"), "", "maximize", f"pass@{k} {of}", upper)
            for k in self.settings.ks
        ]
        parse = Metric(
            self._name("solution_parse_rate"), "", "maximize", f"programs that are Python, {of}", upper
        )
        bits = Metric(self._name("solution_bits_per_byte"), "", "minimize", f"of right solutions {of}", lower)
        ranking = Metric(
            self._name("solution_ranking"), "", "maximize", f"mutants found less likely, {of}", lower
        )
        return (*ks, parse, bits, ranking)

    def sandbox(self) -> Sandbox:
        """Where programs run.

        Raises:
            SandboxError: nothing isolates them here, and nobody agreed to that.
        """
        return Sandbox(self.isolation, unsafe=self.isolation == Level.NONE)

    def measure(self, model: nn.Module, tokenizer: Tokenizer, rung: int) -> dict[str, float]:
        """The metrics of a rung.

        Raises:
            DataError: memory does not hold the writing of one program.
        """
        found: dict[str, float] = {}
        writer = ModelWriter(model, tokenizer)
        if rung >= self.rungs.likelihoods:
            if self._wrong is None:
                self._wrong = proven_wrong(self.guides, self.sandbox(), workers=1)
            known = likelihoods(writer, self.guides, self._wrong)
            found[self._name("solution_bits_per_byte")] = known["bits_per_byte"]
            if not math.isnan(known["ranking"]):
                found[self._name("solution_ranking")] = known["ranking"]
        if rung >= self.rungs.programs:
            figures = written(writer, self.guides, self.sandbox(), self.settings, workers=1)
            found |= {self._name(f"pass_at_{k}"): figures[f"pass@{k}"] for k in self.settings.ks}
            found[self._name("solution_parse_rate")] = figures["parse_rate"]
        return found

    def judge(self, model: nn.Module, tokenizer: Tokenizer) -> dict[str, dict[str, Any]]:
        """Every figure of a finished model on the problems that judge it, by the name of the benchmark."""
        writer, sandbox = ModelWriter(model, tokenizer), self.sandbox()
        return {
            name: evaluate(writer, problems, sandbox, self.settings) for name, problems in self.judges.items()
        }

    def fingerprint(self) -> list[Any]:
        """What its metrics depend on: JSON values."""
        problems = hashlib.blake2b(repr(self.guides).encode(), digest_size=8).hexdigest()
        return [self.name, problems, asdict(self.settings), asdict(self.rungs)]

    def _name(self, metric: str) -> str:
        return metric if has_parts(self.name) else ORACLE + metric
