"""Invented runs to write reports of. Their numbers follow a made-up formula and mean nothing."""

from collections.abc import Mapping

import numpy as np
import pytest

from sugata.objectives import Limit, Objectives
from sugata.report import MeasuredBaseline, ReportData, Winner
from sugata.space import Block
from sugata.trial import Fidelity, Metric, Proposal, Status, Trial, Value

RUNGS = (
    Fidelity(0, "small", 3, "seconds"),
    Fidelity(1, "medium", 9, "seconds"),
    Fidelity(2, "full", 20, "seconds"),
)
CHOICES: tuple[tuple[str, tuple[Value, ...]], ...] = (
    (
        "architecture",
        ("transformer", "linear_transformer", "grouped_query_attention", "mamba", "rwkv", "hybrid"),
    ),
    ("num_layers", (2, 3, 4, 6)),
    ("hidden_dim", (64, 96, 128, 192, 256)),
    ("num_heads", (2, 4)),
    ("ffn_multiplier", (2, 2.5, 3, 4)),
    ("vocab_size", (2048, 4096, 8192)),
    ("normalization", ("layernorm", "rmsnorm", "groupnorm")),
    ("activation", ("gelu", "silu", "geglu", "swiglu")),
    ("position", ("absolute", "rope", "alibi")),
    ("quantization", ("fp16", "int8", "int4")),
    ("pruning_ratio", (0.0, 0.2, 0.4)),
    ("tie_embeddings", (False, True)),
)
OBJECTIVES = Objectives(
    metrics=(Metric("bits_per_byte"), Metric("size_bytes", "bytes"), Metric("latency_ms", "ms")),
    limits=(Limit("size_bytes", 4e6), Limit("latency_ms_p90", 12.0)),
)


def invented_metrics(
    architecture: Mapping[str, Value], rung: int, rng: np.random.Generator
) -> dict[str, float]:
    """Plausible looking measurements of a language model; a formula, not a measurement."""
    width, layers = int(architecture["hidden_dim"]), int(architecture["num_layers"])
    vocabulary = int(architecture["vocab_size"])
    body = layers * width * width * (4 + 2 * float(architecture["ffn_multiplier"]))
    parameters = round(body + vocabulary * width * (1 if architecture["tie_embeddings"] else 2))
    bits = {"fp16": 16, "int8": 8.3, "int4": 4.6}[str(architecture["quantization"])]
    kind = {"mamba": -0.16, "hybrid": -0.19, "linear_transformer": 0.12, "rwkv": -0.03}
    quality = (
        3.9 - 0.105 * np.log(parameters) - 0.17 * rung + kind.get(str(architecture["architecture"]), 0.0)
    )
    quality += {"fp16": 0, "int8": 0.01, "int4": 0.11}[str(architecture["quantization"])]
    quality += 0.3 * float(architecture["pruning_ratio"]) ** 2 + rng.normal(0, 0.03)
    latency = 0.4 + body / 3.4e5 * (0.7 if bits < 16 else 1.0) + vocabulary / 8000
    return {
        "bits_per_byte": float(quality),
        "accuracy": float(0.78 - 0.17 * quality + rng.normal(0, 0.004)),
        "parameters": float(parameters),
        "size_bytes": parameters * bits / 8 + 2048,
        "flops": 2.0 * parameters * 128,
        "latency_ms": float(latency),
        "latency_ms_p90": float(latency * 1.08),
        "decode_ms": float(latency / 17),
        "peak_memory_bytes": parameters * 12.0 + 4e7,
        "training_seconds": RUNGS[rung].amount,
    }


def _curve(
    end: float, start: float, stop: float, rng: np.random.Generator
) -> tuple[tuple[float, float], ...]:
    steps = np.linspace(start, stop, 9)[1:]
    return tuple((float(s), float(end + 2.2 * np.exp(-s / 90) + rng.normal(0, 0.012))) for s in steps)


def _sample(rng: np.random.Generator) -> dict[str, Value]:
    values = {name: options[int(rng.integers(len(options)))] for name, options in CHOICES}
    if values["architecture"] in ("mamba", "rwkv"):
        del values["num_heads"], values["position"]
    return values


def _search(count: int) -> tuple[Trial, ...]:
    rng = np.random.default_rng(5)
    trials: list[Trial] = []
    best: list[tuple[float, Trial]] = []
    while len(trials) < count:
        values, parents, origin = _sample(rng), (), "random"
        if len(best) > 6 and rng.random() < 0.75:
            mother, father = (best[int(rng.integers(6))][1] for _ in range(2))
            mixed = {
                n: (mother if rng.random() < 0.5 else father).proposal.architecture.get(n) for n, _ in CHOICES
            }
            values = {
                n: v if rng.random() > 0.12 and v is not None else values.get(n) for n, v in mixed.items()
            }
            values = {n: v for n, v in values.items() if v is not None}
            parents, origin = (mother.number, father.number), "crossover"
        trials.append(_trial(values, 0, len(trials), None, origin, parents, rng))
        first = trials[-1]
        if not first.ok:
            continue
        best = sorted([*best, (first.metrics["bits_per_byte"], first)], key=lambda row: row[0])
        for rung, share in ((1, 3), (2, 5)):
            if first not in [trial for _, trial in best[: max(3, len(best) // share)]]:
                break
            trials.append(_trial(values, rung, len(trials), trials[-1].number, "promotion", parents, rng))
            if not trials[-1].ok:
                break
    return tuple(trials)


def _trial(
    values: dict[str, Value],
    rung: int,
    number: int,
    continues: int | None,
    origin: str,
    parents: tuple[int, ...],
    rng: np.random.Generator,
) -> Trial:
    proposal = Proposal(number, values, RUNGS[rung], continues, origin, parents)
    metrics = invented_metrics(values, rung, rng)
    if metrics["size_bytes"] > 4e6:
        size = metrics["size_bytes"] / 1e6
        return Trial(proposal, Status.REFUSED, reason=f"size_bytes {size:.2f} MB is over the limit of 4 MB")
    if rng.random() < 0.06:
        reasons = {
            Status.DIVERGED: "loss is not finite at step 41",
            Status.TIMEOUT: "took longer than 60 s",
            Status.KILLED: "worker ended by signal 9; retried once",
        }
        status = list(reasons)[int(rng.integers(3))]
        return Trial(proposal, status, reason=reasons[status], seconds=4.2)
    start = 0 if rung == 0 else RUNGS[rung - 1].amount * 12
    curve = _curve(metrics["bits_per_byte"], start, RUNGS[rung].amount * 12, rng)
    return Trial(proposal, Status.COMPLETED, metrics, seconds=RUNGS[rung].amount, curve=curve)


def _outline() -> tuple[Block, ...]:
    wide = ("batch", "length", 192)
    attention = "4 heads of 48, 1 for keys and values, RoPE, SwiGLU FFN of 480"
    layers = []
    for i in range(1, 7, 2):
        layers.append(
            Block(f"layer {i}", "mamba", "384 inner channels, state 64, SwiGLU FFN of 480", wide, 520_128)
        )
        layers.append(Block(f"layer {i + 1}", "grouped_query_attention", attention, wide, 369_024))
    return (
        Block("embedding", "embedding", "4,096 tokens of 192 channels", wide, 786_432),
        *layers,
        Block("final norm", "rmsnorm", "RMSNorm", wide, 192),
        Block("head", "head", "192 to 4,096, the embedding's weights", ("batch", "length", 4096), 0),
    )


def language_run(count: int = 90) -> ReportData:
    """A run of the tiny language space with a funnel, failures, baselines and a winner."""
    trials = _search(count)
    best = OBJECTIVES.best(trials)
    assert best is not None
    rng = np.random.default_rng(6)
    plain = {**{name: options[0] for name, options in CHOICES}, "hidden_dim": 128, "num_layers": 4}
    llama = {**plain, "normalization": "rmsnorm", "activation": "swiglu", "position": "rope"}
    light = {**plain, "hidden_dim": 64, "quantization": "int8", "pruning_ratio": 0.4, "tie_embeddings": True}
    baselines = {"tiny_gpt2": plain, "tiny_llama": llama, "tiny_ultra_light": light}
    return ReportData(
        title="tiny-invented",
        objectives=OBJECTIVES,
        trials=trials,
        choices=CHOICES,
        command="sugata search tiny --max-size 4MB --max-latency 12ms",
        run_folder="runs/tiny-invented",
        recipe="task:\n  kind: code\nspace: language/tiny\nstrategy:\n  kind: evolution\nseed: 0\n",
        environment={
            "started": "2026-01-02 03:04 UTC",
            "cpu": "Invented CPU, 2 cores",
            "threads": "1 a worker, 2 workers",
            "versions": {"python": "3.11.9", "torch": "2.13.0", "onnxruntime": "1.31.0", "sugata": "0.1.0"},
            "git commit": "0123456789abcdef",
        },
        space_name="language/tiny",
        space_size=3_732_480,
        curve_metric="validation bits per byte",
        baselines=tuple(
            MeasuredBaseline(name, invented_metrics(values, 2, rng), values)
            for name, values in baselines.items()
        ),
        winner=Winner(
            number=best.number,
            architecture=best.proposal.architecture,
            metrics={**best.metrics, "bits_per_byte": best.metrics["bits_per_byte"] - 0.21},
            outline=_outline(),
            test_metric="bits_per_byte",
            test_score=2.20731,
            exported_test_score=2.20745,
            curve=_curve(best.metrics["bits_per_byte"] - 0.21, 0, 720, rng),
            prompt="def quicksort(xs):",
            sample='def quicksort(xs):\n    """Return the <items>."""\n    return xs[1:]\n',
            files={"model.safetensors": 1_812_332, "model.onnx": 3_504_200, "tokenizer.json": 181_002},
        ),
        stages=(("search", 143.0), ("final training", 60.2), ("export", 7.9)),
        warnings=("The latency was timed while the machine was 18 % busy with other work.",),
    )


def function_run(count: int, objective: str = "score") -> ReportData:
    """A user's own function over a dictionary space: one metric, no networks."""
    rng = np.random.default_rng(1)
    choices: tuple[tuple[str, tuple[Value, ...]], ...] = (("depth", (2, 4, 8)), ("width", (32, 64)))
    trials = []
    for number in range(count):
        values = {name: options[int(rng.integers(len(options)))] for name, options in choices}
        metric = float(values["depth"]) / 10 + float(values["width"]) / 640 + float(rng.normal(0, 0.05))
        trials.append(
            Trial(
                Proposal(number, values, origin="random"), Status.COMPLETED, {objective: metric}, seconds=0.1
            )
        )
    return ReportData("mine", Objectives((Metric(objective, direction="maximize"),)), tuple(trials), choices)


@pytest.fixture(scope="session")
def language_data() -> ReportData:
    """A realistic invented run of a language space."""
    return language_run()


@pytest.fixture(scope="session")
def function_data():  # type: ignore[no-untyped-def]
    """Makes runs of a user's own function with a given number of trials."""
    return function_run
