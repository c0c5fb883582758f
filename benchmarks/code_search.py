"""Does a small network, trained for some minutes, find functions better than TF-IDF and BM25 do?

    python benchmarks/code_search.py --data ../shared/data/codepairs     # 7 CPU minutes of training
    python benchmarks/code_search.py --data CODESEARCHNET/python/final/jsonl --seconds 3600

A one-layer network of width 128 (one tower for queries and functions) is trained from scratch on one thread.
It and the lexical methods answer the same queries, each among 1,000 functions of the test split (Husain et
al. 2019). Nothing is chosen on the test split. Differences of reciprocal ranks are given with a bootstrap
interval over queries.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from _common import bootstrap, processor, statement, table, verdict

from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig, TwoTower, encoder_config
from sugata.tasks.code_search import LEXICAL, MEAN_RECIPROCAL_RANK, RECALLS, CodeSearch
from sugata.tasks.code_search.ranking import groups, ranks, summary
from sugata.training import TrainingSettings, train
from sugata.trial import Fidelity

METRICS = (MEAN_RECIPROCAL_RANK, *RECALLS)


def network(options: argparse.Namespace) -> TwoTower:
    """One encoder for both, with initial weights."""
    config = LanguageModelConfig(
        vocabulary_size=options.vocabulary,
        hidden_dim=options.width,
        num_heads=4,
        layers=(LayerConfig("flash_attention", 2 * options.width),) * options.layers,
        normalization="rmsnorm",
        position="rope",
    )
    model = TwoTower([LanguageModel(encoder_config(config, 128))])
    model.initialize(torch.Generator().manual_seed(options.seed))
    return model


def test_ranks(task: CodeSearch, model: TwoTower, size: int) -> dict[str, np.ndarray]:
    """The ranks of the right functions of the test split, by method."""
    texts, tokens = task.pairs().texts("test"), task.vocabulary(size)
    found: dict[str, list[np.ndarray]] = {"network": [], **{name: [] for name in LEXICAL}}

    def vectors(part: str, numbers: np.ndarray) -> np.ndarray:
        length = task.query_tokens if part == "query" else task.code_tokens
        embed = model.query if part == "query" else model.code
        rows = torch.from_numpy(tokens.rows("test", part, numbers, length))  # type: ignore[arg-type]
        return torch.cat([embed(chunk) for chunk in rows.split(64)]).numpy()

    for numbers, _ in groups(len(texts), task.distractors + 1, None):
        with torch.inference_mode():
            found["network"].append(ranks(vectors("query", numbers) @ vectors("code", numbers).T))
        queries, codes = ([getattr(texts[n], part) for n in numbers] for part in ("query", "code"))
        for name, scores in LEXICAL.items():
            found[name].append(ranks(scores(queries, codes)))
    return {name: np.concatenate(values) for name, values in found.items()}


def rows(found: Mapping[str, np.ndarray]) -> list[list[str]]:
    """A line a method."""
    return [
        [name, *(f"{summary([values])[metric.name]:.3f}" for metric in METRICS)]
        for name, values in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", required=True, help="parquet or JSONL files with docstring and code")
    parser.add_argument("--seconds", type=float, default=420, help="CPU time of training")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.004)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write everything as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = CodeSearch(options.data)
    task.prepare({"vocab_size": [options.vocabulary]}, say=lambda text: print(text, file=sys.stderr))
    model = network(options)
    settings = TrainingSettings(
        batch_size=options.batch_size,
        learning_rate=options.rate,
        length=None,
        evaluations=10,
        evaluation_limit=1000,
    )
    budget = Fidelity(amount=options.seconds, unit="seconds")
    result = train(
        model,
        task,
        {"vocab_size": options.vocabulary},
        settings,
        budget=budget,
        seed=options.seed,
        report=lambda spent, value: print(f"{spent:.0f} s: {value:.4f}", file=sys.stderr) is None,
    )
    found = test_ranks(task, model, options.vocabulary)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{processor()}; {json.dumps(statement())}")
    print(f"{task.pairs().facts['counts']} pairs, {len(found['network']):,} queries among"
          f" {task.distractors + 1:,} functions each")  # fmt: skip
    print(f"network: {parameters:,} parameters, {result.tokens:,} pairs seen in {result.seconds:.0f} CPU s\n")
    print(table(["", *(metric.name for metric in METRICS)], rows(found)))
    differences = {}
    for name in LEXICAL:
        interval = bootstrap((1 / found["network"] - 1 / found[name]).tolist(), resamples=2000)
        differences[name] = interval.shown()
        print(f"\nnetwork minus {name}, mean reciprocal rank: {interval.shown()}: the network"
              f" {verdict(interval, smaller_is_better=False)}")  # fmt: skip
    if options.out:
        record = {
            **statement(),
            "options": {name: str(value) for name, value in vars(options).items()},
            "facts": task.pairs().facts,
            "test": {name: summary([values]) for name, values in found.items()},
            "validation": result.validation,
            "differences": differences,
        }
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
