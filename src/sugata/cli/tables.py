"""`sugata convert-table`: official files of benchmark tables as a table."""

from pathlib import Path

from rich.console import Console


def convert_table(source: Path, target: Path, out: Console) -> None:
    """Convert, and show how far it is."""
    from sugata.evaluators import data_sets
    from sugata.evaluators.tables.official import convert
    from sugata.run import Progress

    with Progress() as progress:
        progress.now(f"reading {source}")
        count = convert(
            source,
            target,
            lambda done, total: progress.now(f"{done:,} of {total:,} architectures"),
        )
    sets = ", ".join(data_sets(target))
    out.print(f"{target}: {count:,} architectures, data sets {sets}", soft_wrap=True)
