"""The blocks of which networks can be connected, from their registry."""

from generated_pages.text import table
from sugata.spaces.blocks import HEADS, KINDS, Kind
from sugata.spaces.blocks.heads import FIELDS as HEAD_FIELDS
from sugata.spaces.blocks.training import FIELDS as TRAINING_FIELDS

_ABOUT = """\
# Blocks

This page is written from the code when the site is built.

The space `blocks/graph` is made of a graph of blocks. In a recipe:

```yaml
task: {kind: prepared, data: FOLDER}  # what `sugata.tasks.prepared.prepare` wrote
space: blocks/graph
network:
  inputs: [{name: picture, kind: image}, {name: row, kind: table}]
  blocks:
    - {name: seen, kind: conv, inputs: [picture], filters: [16, 32], num_blocks: 3}
    - {name: read, kind: table_block, inputs: [row]}
    - {name: both, kind: merge, inputs: [seen, read]}
  heads: [{name: label, kind: classification, inputs: [both]}]
  training: {learning_rate: [0.004, 0.002]}
```

A field that is a list is searched, as the choice `BLOCK/FIELD`; a single value is fixed; what is left out is
searched over the options below. Inputs are of the kinds `image`, `text`, `table` and `array`; their names,
and those of the heads, are those of the task's inputs and targets. A search begins with configurations that
are known to be good.
"""


def page() -> str:
    """Every kind of block with its fields."""
    rows = [(f"[`{kind.name}`](#{kind.name})", kind.description) for kind in KINDS.values()]
    parts = [_ABOUT, table(("block", "what it is"), rows)]
    for kind in KINDS.values():
        parts += [f"\n## {kind.name}\n", _about(kind), "", _fields(kind)]
    parts += ["\n## Heads\n", table(("head", "what it gives"), ((f"`{k}`", v) for k, v in HEADS.items()))]
    parts += ["", _rows(HEAD_FIELDS)]
    parts += ["\n## Training\n", "Settings of the training loop that may be fixed or searched as well.\n"]
    return "\n".join([*parts, _rows(TRAINING_FIELDS.values())]) + "\n"


def _about(kind: Kind) -> str:
    text = f"{kind.description[0].upper()}{kind.description[1:]}."
    return f"{text} Papers: {'; '.join(kind.papers)}." if kind.papers else text


def _fields(kind: Kind) -> str:
    return _rows(kind.fields) if kind.fields else "No fields."


def _rows(fields: object) -> str:
    rows = []
    for field in fields:  # type: ignore[attr-defined]
        when = " and ".join(f"{name} is {' or '.join(map(str, values))}" for name, values in field.when)
        options = " ".join(f"`{option}`" for option in field.options)
        rows.append((f"`{field.name}`", options, f"`{field.default}`", when, field.description))
    return table(("field", "options", "default", "applies when", "what it is"), rows)
