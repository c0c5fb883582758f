"""Compress an exported code model in three ways, and print what each costs in quality and saves in bytes.

python compress_model.py [DIR]      default: runs/tiny/best, which `sugata search` leaves
"""

import sys
from pathlib import Path

from sugata import decoding
from sugata.shrink import Wanted, shrink
from sugata.tasks import CodeLanguageModelling

model = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/tiny/best")
task = CodeLanguageModelling("stdlib", max_bytes=2_000_000)
ways = {
    "int8": Wanted("int8"),
    "int4-gptq": Wanted("int4", "gptq"),
    "pruned-int8": Wanted("int8", prunings=(("structured", 0.3),), steps=30, batch_size=4, length=64),
}
for name, wanted in ways.items():
    found = shrink(model, Path("compressed") / name, task, wanted)
    change = found["after"] / found["before"] - 1
    print(
        f"{name:<12} {found['bytes_before'] / 1e6:.3f} to {found['bytes_after'] / 1e6:.3f} MB, "
        f"{found['before']:.4f} to {found['after']:.4f} bits per byte ({change:+.2%})"
    )
written = decoding.load("compressed/int4-gptq").generate("def add(a, b):", max_new_tokens=20, temperature=0)
print("def add(a, b):" + "".join(written))
