"""A network as a list of blocks: what `sugata show` prints and the report draws."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """One block of a network, top to bottom.

    Attributes:
        name: such as ``layer 3``.
        kind: what decides its colour, such as ``mamba`` or ``embedding``.
        detail: one short line, such as ``8 heads of 32, RoPE``.
        output: shape of what leaves it; symbolic sizes are strings.
        parameters: how many it has of its own.
    """

    name: str
    kind: str
    detail: str
    output: tuple[int | str, ...]
    parameters: int
