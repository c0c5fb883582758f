"""Reading a table's file, whatever is in it."""

from pathlib import Path
from typing import TYPE_CHECKING

from sugata.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def read_frame(path: Path) -> "pd.DataFrame":
    """A parquet or CSV file as a data frame.

    Raises:
        DataError: missing, unreadable, empty, or of another kind.
    """
    import pandas as pd

    if path.is_dir():
        path = only_table(path)
    if not path.is_file():
        raise DataError(f"{path}: no such table; give a parquet or CSV file")
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        elif path.suffix in (".csv", ".tsv"):
            # As they stand: an operation called "none" or "NA" is a name, not a missing value.
            frame = pd.read_csv(
                path,
                sep="\t" if path.suffix == ".tsv" else ",",
                keep_default_na=False,
                na_values={},
                dtype={"arch": str, "adj_upper": str, "ops": str},
            )
        else:
            raise DataError(
                f"{path}: a table is a .parquet, .csv or .tsv file; `sugata convert-table` reads the"
                " official files of NAS-Bench-201 and NATS-Bench"
            )
    except DataError:
        raise
    except Exception as error:  # every reader has errors of its own
        raise DataError(f"{path}: cannot be read as {path.suffix[1:]} ({_first_line(error)})") from None
    if frame.empty:
        raise DataError(f"{path}: the table has no rows")
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise DataError(f"{path}: column {repeated[0]!r} stands twice; name each once")
    return frame


def only_table(folder: Path) -> Path:
    """The one table in a folder.

    Raises:
        DataError: there is none, or there are several.
    """
    found = sorted(file for file in folder.iterdir() if file.suffix in (".parquet", ".csv", ".tsv"))
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise DataError(f"{folder}: holds {names} of the tables that are asked for; name one file")
    return found[0]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
