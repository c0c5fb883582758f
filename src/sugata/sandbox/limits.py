"""What a sandboxed program may use."""

from dataclasses import dataclass, fields

from sugata.errors import SandboxError


@dataclass(frozen=True)
class Limits:
    """Bounds of one program; whatever passes one of them is ended and counts as failed.

    Attributes:
        cpu_seconds: of one process.
        wall_seconds: of the whole program.
        memory_bytes: address space of one process.
        together_bytes: what all its processes hold in memory, looked at ten times a second.
        processes: processes and threads at a time, the first one counted.
        file_bytes: of one file.
        folder_bytes: what its own folder holds, where that is in memory (``bubblewrap``, ``namespaces``).
        output_bytes: of what it prints, both streams together.
    """

    cpu_seconds: int = 10
    wall_seconds: float = 30.0
    memory_bytes: int = 512_000_000
    together_bytes: int = 512_000_000
    processes: int = 4
    file_bytes: int = 16_000_000
    folder_bytes: int = 64_000_000
    output_bytes: int = 1_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise SandboxError(f"limits: {field.name} = {getattr(self, field.name)} is not positive")
