"""`sugata bench inference` on 6 layers of width 256, which LLaMA's class of `transformers` computes too.

Its weights are random: they make no difference to the time. The command does the same for any exported model.

    python benchmarks/inference.py --to benchmarks/results/inference.json
"""

import argparse
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

from _common import REPOSITORY, statement, write_json

from sugata.bench.inference import bench_inference
from sugata.compression import compress
from sugata.export import export_folder
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.tasks.corpus import train_tokenizer
from sugata.tasks.corpus.tokenizer import padded_tokenizer


def main() -> None:
    """Export the model, measure, write the result beside where it was measured."""
    arguments = parse_arguments()
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        export(folder, arguments)
        print(
            bench_inference(
                folder,
                prompt=arguments.prompt,
                tokens=arguments.tokens,
                rounds=arguments.rounds,
                to=arguments.to,
                say=lambda message: print(message, flush=True),
            )
        )
    result = json.loads(arguments.to.read_text())
    del result["folder"]
    write_json(arguments.to, statement(("torch", "onnxruntime", "transformers", "numpy")) | result)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--ffn", type=int, default=704)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--prompt", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--to", type=Path, default=REPOSITORY / "benchmarks/results/inference.json")
    return parser.parse_args()


def export(folder: Path, arguments: argparse.Namespace) -> None:
    """A model with random weights, and a tokenizer of its size."""
    config = LanguageModelConfig(
        vocabulary_size=arguments.vocabulary,
        hidden_dim=arguments.hidden,
        num_heads=arguments.heads,
        layers=(LayerConfig("flash_attention", arguments.ffn),) * arguments.layers,
        normalization="rmsnorm",
        activation="swiglu",
        position="rope",
    )
    tokenizer = padded_tokenizer(train_tokenizer(["def f(x):\n    return x\n"], 300), arguments.vocabulary)
    tokenizer.save(str(folder.parent / "tokenizer.json"))
    model = compress(LanguageModel(config))
    export_folder(folder, model, {}, folder.parent / "tokenizer.json", {"weights": "random"})


if __name__ == "__main__":
    main()
