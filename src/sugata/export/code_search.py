"""A network for code search as it ships: one or two encoders, in a folder that runs without sugata."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tokenizers import Tokenizer

from sugata import __version__
from sugata.compression import CompressedModel, Compression, compress, load
from sugata.errors import SugataError
from sugata.export.card import rows
from sugata.export.onnx_file import export_encoder_onnx
from sugata.nn import Pooling, TwoTower

MODEL_TYPE = "sugata-code-search"

#: Names of the encoders' files: of functions (and of queries where it reads both), and of queries.
CODE, QUERY = "model", "query"

PROGRAM = """\
import json
import sys

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

config = json.load(open("config.json"))
tokenizer = Tokenizer.from_file("tokenizer.json")
tokenizer.encode_special_tokens = True


def vectors(file, texts, length):
    session = onnxruntime.InferenceSession(file)
    found = []
    for text in texts:  # every text ends with token 0, which also fills rows of a larger batch
        ids = tokenizer.encode(text, add_special_tokens=False).ids[: length - 1]
        found.append(session.run(["vector"], {"tokens": np.array([[*ids, 0]])})[0][0])
    return np.array(found)


functions = [open(path).read() for path in sys.argv[2:]] or [
    "def add(a, b):\\n    return a + b\\n",
    "def read_lines(path):\\n    with open(path) as file:\\n        return file.readlines()\\n",
]
query = sys.argv[1] if len(sys.argv) > 1 else "Read all lines of a file."
code = vectors("model.onnx", functions, config["code_tokens"])
scores = code @ vectors(config["query_file"], [query], config["query_tokens"])[0]
for number in scores.argsort()[::-1][:5]:
    print(f"{scores[number]:.3f}  {functions[number].splitlines()[0]}")
"""

_CARD = """\
# {name}

A network for code search: texts and functions become vectors, and near ones belong together.
Found, trained, compressed and exported by sugata.

| | |
| --- | --- |
{facts}

## Run it

With `pip install onnxruntime tokenizers numpy`, in this folder, `python find.py QUERY FILES` with this as
`find.py` (every file one function):

```python
{program}```

Each encoder takes `tokens` `(batch, length)`, int64, and gives `vector` `(batch, {width})` of length 1.
{towers}
With sugata installed, `sugata.export.load_search_folder(".")` gives the torch model and the tokenizer.

## Files

| file | bytes | what it is |
| --- | ---: | --- |
{files}
| `config.json` | | which encoder reads what, how many tokens |
| `architecture.json` | | the choices that the search made |

## Architecture

| choice | value |
| --- | --- |
{choices}
"""


@dataclass(frozen=True)
class CompressedSearch:
    """Encoders as they ship.

    Attributes:
        towers: one that reads both, or that of functions and that of queries.
        pooling: of their features.
        query_tokens: a longer query is cut there.
        code_tokens: a longer function is cut there.
    """

    towers: tuple[CompressedModel, ...]
    pooling: Pooling
    query_tokens: int
    code_tokens: int

    @property
    def width(self) -> int:
        """Of the vectors."""
        outputs = self.towers[0].config.output_dim
        assert outputs is not None
        return outputs - 1 if self.pooling == "weighted" else outputs

    def restore(self) -> TwoTower:
        """The model in float32, with exactly the weights that are stored."""
        return TwoTower([tower.restore() for tower in self.towers], self.pooling).eval()

    def stored_bytes(self) -> int:
        """Of all its weight files."""
        return sum(tower.stored_bytes() for tower in self.towers)


def compress_search(
    model: TwoTower, compression: Compression, *, query_tokens: int, code_tokens: int
) -> CompressedSearch:
    """Prune and quantize every encoder alike."""
    towers = tuple(compress(tower, **vars(compression)) for tower in model.models)
    return CompressedSearch(towers, model.pooling, query_tokens, code_tokens)


def export_search_folder(
    folder: str | Path,
    compressed: CompressedSearch,
    architecture: Mapping[str, Any],
    tokenizer: Tokenizer,
    info: Mapping[str, object],
    name: str = "model",
) -> None:
    """Write encoders to a folder that works without sugata and without torch.

    Files: `model.safetensors` and `model.onnx` (of functions, and of queries where it reads both),
    `query.safetensors` and `query.onnx` (of two towers), `config.json`, `architecture.json`, `tokenizer.json`
    and `README.md`, a card whose program runs as it stands. They are moved in when all are whole.

    Args:
        architecture: the choices, as plain JSON values.
        info: what the card says, name -> value.
        name: title of the card.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".export-", dir=target.parent) as temporary:
        made = Path(temporary)
        names = (CODE, QUERY)[: len(compressed.towers)]
        for file, tower in zip(names, compressed.towers, strict=True):
            tower.save(made / f"{file}.safetensors")
            export_encoder_onnx(tower, compressed.pooling, made / f"{file}.onnx")
        tokenizer.save(str(made / "tokenizer.json"), pretty=False)
        sizes = {path.name: path.stat().st_size for path in sorted(made.iterdir())}
        config = {
            "model_type": MODEL_TYPE,
            "sugata_version": __version__,
            "pooling": compressed.pooling,
            "query_tokens": compressed.query_tokens,
            "code_tokens": compressed.code_tokens,
            "query_file": f"{names[-1]}.onnx",
            "model": compressed.towers[0].config.to_dict(),
            "compression": vars(compressed.towers[0].compression),
        }
        _write_json(made / "config.json", config)
        _write_json(made / "architecture.json", architecture)
        (made / "README.md").write_text(_card(name, compressed, architecture, info, sizes), "utf-8")
        for path in made.iterdir():
            path.replace(target / path.name)


def load_search_folder(folder: str | Path) -> tuple[TwoTower, Tokenizer]:
    """The encoders, with the weights that ship, and the tokenizer of a folder by `export_search_folder`.

    Raises:
        SugataError: a file is missing or cannot be read.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        if config.get("model_type") != MODEL_TYPE:
            raise ValueError(f"its model_type is {config.get('model_type')!r}")
        names = (CODE, QUERY)[: 2 if config["query_file"] == f"{QUERY}.onnx" else 1]
        pooling = config["pooling"]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise SugataError(f"{folder}: not an exported network for code search ({error})") from None
    models = [load(folder / f"{name}.safetensors").restore() for name in names]
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises nothing more specific
        raise SugataError(f"{folder / 'tokenizer.json'}: cannot be read as a tokenizer ({error})") from None
    tokenizer.encode_special_tokens = True
    return TwoTower(models, pooling).eval(), tokenizer


def _card(
    name: str,
    compressed: CompressedSearch,
    architecture: Mapping[str, Any],
    info: Mapping[str, object],
    sizes: Mapping[str, int],
) -> str:
    two = len(compressed.towers) == 2
    what = {
        "model.safetensors": "packed weights of the encoder of functions" + ("" if two else " and queries"),
        "model.onnx": "the same encoder as a graph",
        "query.safetensors": "packed weights of the encoder of queries",
        "query.onnx": "the same encoder as a graph",
        "tokenizer.json": "byte-level BPE, read by the `tokenizers` library",
    }
    return _CARD.format(
        name=name,
        facts=rows({"stored size": f"{compressed.stored_bytes() / 1e6:.3f} MB", **info}),
        program=PROGRAM,
        width=compressed.width,
        towers="`model.onnx` reads functions, `query.onnx` queries." if two else "`model.onnx` reads both.",
        files="\n".join(f"| `{file}` | {size:,} | {what[file]} |" for file, size in sizes.items()),
        choices=rows(architecture),
    )


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
