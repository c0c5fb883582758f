"""Speed of decoding by length of the context, for every type of layer, as a table and a plot.

Step graphs in onnxruntime, one thread, 32-bit weights; caches are filled to each length, then single tokens
are timed, in seconds of the processor. Types and lengths take turns in every round; the median is drawn.

    python benchmarks/decode_speed.py --plot docs/decode.png
"""

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _common import REPOSITORY, statement, table, write_json

from sugata.compression import compress
from sugata.decoding import Sequences, StepGraph
from sugata.export import export_decode_onnx
from sugata.nn import MIXERS, LanguageModel, LanguageModelConfig, LayerConfig

CONTEXTS = (128, 1024, 8192)


def main() -> None:
    """Measure, print, write and draw."""
    arguments = parse_arguments()
    seconds: dict[str, dict[int, list[float]]] = {}
    with TemporaryDirectory() as scratch:
        running = {}
        for name in MIXERS:
            path = Path(scratch) / f"{name}.onnx"
            export_decode_onnx(compress(model(name, arguments)), path)
            graph = StepGraph(path)
            for context in CONTEXTS:
                running[name, context] = begin(graph, context, arguments)
        for number in range(arguments.rounds + 1):
            for (name, context), sequences in running.items():
                median = token_seconds(sequences, arguments.tokens)
                if number:  # the first round warms up
                    seconds.setdefault(name, {}).setdefault(context, []).append(median)
    rows = {
        name: {
            str(context): dict(zip(("p10", "median", "p90"), quantiles(values), strict=True))
            for context, values in by_context.items()
        }
        for name, by_context in seconds.items()
    }
    print(table(["ms a token", *map(str, CONTEXTS), "8192 / 128"], [shown(n, r) for n, r in rows.items()]))
    settings = {k: v for k, v in vars(arguments).items() if k not in ("to", "plot")}
    write_json(
        arguments.to, statement(("onnxruntime", "numpy", "torch")) | {"settings": settings, "ms": rows}
    )
    if arguments.plot:
        draw(rows, arguments.plot, arguments)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--tokens", type=int, default=8, help="timed in a round")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--to", type=Path, default=REPOSITORY / "benchmarks/results/decode_speed.json")
    parser.add_argument("--plot", type=Path)
    return parser.parse_args()


def model(mixer: str, arguments: argparse.Namespace) -> LanguageModel:
    """A model all of whose layers have this mixer, and feed-forward networks of the same width."""
    layers = (LayerConfig(mixer, 704),) * arguments.layers
    return LanguageModel(
        LanguageModelConfig(
            arguments.vocabulary,
            arguments.hidden,
            arguments.heads,
            layers,
            normalization="rmsnorm",
            activation="swiglu",
            position="rope",
        )
    )


def begin(graph: StepGraph, context: int, arguments: argparse.Namespace) -> Sequences:
    """A sequence with this context behind it, and room for all that is timed."""
    sequences = graph.start(1, context + (arguments.rounds + 1) * arguments.tokens)
    sequences.skip(context)
    return sequences


def token_seconds(sequences: Sequences, count: int) -> float:
    """The median processor time of a token, in milliseconds."""
    token = np.zeros((1, 1), np.int64)
    times = []
    for _ in range(count):
        start = time.process_time()
        sequences.feed(token)
        times.append(time.process_time() - start)
    return 1e3 * float(np.median(times))


def quantiles(values: list[float]) -> list[float]:
    """The 10 %, 50 % and 90 % quantiles."""
    return [float(q) for q in np.quantile(values, [0.1, 0.5, 0.9])]


def shown(name: str, row: dict[str, dict[str, float]]) -> list[str]:
    """A line of the table."""
    cells = [f"{v['median']:.2f} [{v['p10']:.2f}, {v['p90']:.2f}]" for v in row.values()]
    first, last = row[str(CONTEXTS[0])]["median"], row[str(CONTEXTS[-1])]["median"]
    return [name, *cells, f"{last / first:.2f}"]


def draw(rows: dict[str, dict[str, dict[str, float]]], path: Path, arguments: argparse.Namespace) -> None:
    """Tokens a second over the context, both axes logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    for name, row in rows.items():
        contexts = [int(context) for context in row]
        axes.plot(contexts, [1e3 / v["median"] for v in row.values()], marker="o", label=name)
        axes.fill_between(
            contexts,
            [1e3 / v["p90"] for v in row.values()],
            [1e3 / v["p10"] for v in row.values()],
            alpha=0.1,
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(CONTEXTS, [f"{context:,}" for context in CONTEXTS])
    axes.set_xlabel("tokens of context")
    axes.set_ylabel("tokens a second of the processor, one thread")
    axes.set_title(f"Decoding, {arguments.layers} layers of width {arguments.hidden}, 32-bit weights")
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
