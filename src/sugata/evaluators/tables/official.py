"""The official files of NAS-Bench-201 and of NATS-Bench's topology space, as one table.

Three forms are read:

- a folder such as ``NATS-tss-v1_0-3ffb9-simple``: ``meta.pickle.pbz2`` and a ``000000.pickle.pbz2`` for each
  architecture, which are read one by one;
- ``NATS-tss-v1_0-3ffb9.pickle.pbz2`` (by whatever name): everything in one pickle;
- ``NAS-Bench-201-v1_1-096897.pth``: the same, saved by torch.

Inside, ``meta_archs`` lists the architectures' strings and ``arch2infos`` (or the single files) has, for each
index, the trainings by their epochs: ``{"12": ..., "200": ...}``, in the older file ``{"less": ..., "full":
...}``. A training is ``{"arch_str", "dataset_seed": {data set: seeds}, "all_results": {(data set, seed):
result}}``; a result has ``epochs``, ``eval_acc1es`` with keys such as ``x-valid@11`` (split and epoch),
``params`` and ``flop`` (both in millions, the latter multiply-accumulates) and ``latency`` (seconds).

The table has the columns that :func:`sugata.evaluators.read_table` knows of NAS-Bench-201, each the mean over
the seeds: ``c10valid_val_acc_12``, ``c10_test_acc_200`` and so on for both trainings and the three data sets,
``c10_params``, ``c10_macs``, ``c10_latency_s``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sugata.errors import DataError, InvalidArchitecture
from sugata.evaluators.tables.unpickling import read_pbz2, read_pth
from sugata.spaces import space as space_named

_SUFFIX = ".pickle.pbz2"
_META = f"meta{_SUFFIX}"
_EPOCHS = {"12": ("12", "less"), "200": ("200", "full")}
#: Column without its epochs -> data set of the training, and the split that is scored.
_ACCURACIES = {
    "c10valid_val_acc": ("cifar10-valid", "x-valid"),
    "c10_test_acc": ("cifar10", "ori-test"),
    "c100_val_acc": ("cifar100", "x-valid"),
    "c100_test_acc": ("cifar100", "x-test"),
    "in16_val_acc": ("ImageNet16-120", "x-valid"),
    "in16_test_acc": ("ImageNet16-120", "x-test"),
}
_COSTS = {"c10": "cifar10", "c100": "cifar100", "in16": "ImageNet16-120"}
_LEGACY_SEED = 888  # its counts are right where those of the seeds differ, says the official reader

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Source:
    """Where an architecture's trainings come from.

    Attributes:
        names: the architectures' strings, by index.
        indices: those that are there.
        trainings: of one of them.
    """

    names: list[str]
    indices: list[int]
    trainings: Callable[[int], Mapping[str, Any]]


def convert(source: Path, target: Path, on_progress: Progress = lambda done, total: None) -> int:
    """Read official files, write a table.

    Args:
        source: a folder of single files, a ``.pickle.pbz2`` or a ``.pth`` file.
        target: a new ``.parquet`` or ``.csv`` file.
        on_progress: told how many architectures of how many are read.

    Returns:
        How many architectures the table has.

    Raises:
        DataError: the source is something else or broken, or the target cannot be written.
    """
    import pandas as pd

    if target.suffix not in (".parquet", ".csv"):
        raise DataError(f"{target}: a table is a .parquet or .csv file; give such a name")
    if target.exists():
        raise DataError(f"{target}: exists already; give another name")
    opened = _open(source)
    rows = []
    for row in _rows(source, opened):
        rows.append(row)
        on_progress(len(rows), len(opened.indices))
    frame = pd.DataFrame(rows)
    frame = frame.dropna(axis="columns", how="all")
    try:
        frame.to_parquet(target) if target.suffix == ".parquet" else frame.to_csv(target, index=False)
    except OSError as error:
        raise DataError(f"{target}: cannot be written ({error.strerror or error})") from None
    return len(rows)


def _open(source: Path) -> _Source:
    if source.is_dir():
        return _folder(source)
    if not source.is_file():
        raise DataError(f"{source}: no such file or folder")
    if source.name.endswith(".pbz2"):
        return _whole(source, read_pbz2(source))
    if source.suffix == ".pth":
        return _whole(source, read_pth(source))
    raise DataError(
        f"{source}: give a folder with {_META}, a {_SUFFIX} file of NATS-Bench, or a .pth file of"
        " NAS-Bench-201"
    )


def _folder(source: Path) -> _Source:
    if not (source / _META).is_file():
        raise DataError(f"{source}: has no {_META}; give a folder such as NATS-tss-v1_0-3ffb9-simple")
    names = _names(source / _META, read_pbz2(source / _META))
    files = {int(path.name[: -len(_SUFFIX)]): path for path in source.glob(f"[0-9]*{_SUFFIX}")}
    if not files:
        raise DataError(f"{source}: has no file such as 000000{_SUFFIX}")
    return _Source(names, sorted(files), lambda index: _mapping(files[index], read_pbz2(files[index])))


def _whole(source: Path, content: Any) -> _Source:
    names = _names(source, content)
    infos = content.get("arch2infos")
    if not isinstance(infos, Mapping) or not infos:
        raise DataError(f"{source}: its 'arch2infos' holds no results; is this the file of a folder?")
    return _Source(names, sorted(infos), lambda index: _mapping(source, infos[index]))


def _names(path: Path, content: Any) -> list[str]:
    names = content.get("meta_archs") if isinstance(content, Mapping) else None
    if not isinstance(names, list) or not names:
        raise DataError(f"{path}: has no 'meta_archs'; this is no file of NAS-Bench-201 or NATS-Bench")
    if not str(names[0]).startswith("|"):
        raise DataError(
            f"{path}: its architectures look like {str(names[0])[:40]!r}, not like |nor_conv_3x3~0|+...; only"
            " the topology space is read"
        )
    return [str(name) for name in names]


def _mapping(path: Path, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DataError(f"{path}: holds a {type(value).__name__} where an architecture's trainings should be")
    return value


def _rows(source: Path, opened: _Source) -> Iterator[dict[str, Any]]:
    space: Any = space_named("nasbench201")
    for index in opened.indices:
        where = f"{source}, architecture {index}"
        try:
            name = opened.names[index]
            space.from_string(name)
            yield {"index": index, "arch": name, **_values(where, name, opened.trainings(index))}
        except InvalidArchitecture as error:
            raise DataError(f"{where}: {error}") from None
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError | IndexError) else str(error)
            raise DataError(f"{where}: not as documented ({what})") from None


def _values(where: str, name: str, trainings: Mapping[str, Any]) -> dict[str, float]:
    """The columns of one architecture; NaN for a training that is not there."""
    row: dict[str, float] = {}
    for epochs, keys in _EPOCHS.items():
        training = next((trainings[key] for key in keys if key in trainings), None)
        if training is None:
            continue
        if training["arch_str"] != name:
            raise DataError(f"{where}: the list says {name}, its results are of {training['arch_str']}")
        for column, (data_set, split) in _ACCURACIES.items():
            results = _of(training, data_set)
            scores = [result["eval_acc1es"][f"{split}@{int(result['epochs']) - 1}"] for result in results]
            row[f"{column}_{epochs}"] = _mean(scores)
        for prefix, data_set in _COSTS.items():
            row |= _costs(prefix, training, data_set)
    if not row:
        raise DataError(f"{where}: has trainings {', '.join(map(str, trainings))}, neither 12 nor 200 epochs")
    return row


def _of(training: Mapping[str, Any], data_set: str) -> list[Mapping[str, Any]]:
    """The results on a data set, a seed each."""
    return [training["all_results"][data_set, seed] for seed in training["dataset_seed"].get(data_set, ())]


def _costs(prefix: str, training: Mapping[str, Any], data_set: str) -> dict[str, float]:
    """Parameters and multiply-accumulates as whole numbers, latency where it was measured."""
    results = _of(training, data_set)
    if not results:
        return {}
    seeds = list(training["dataset_seed"][data_set])
    found = {}
    for column, field in (("params", "params"), ("macs", "flop")):
        values = [float(result[field]) for result in results]
        if len({f"{value:.5f}" for value in values}) > 1 and _LEGACY_SEED in seeds:
            values = [values[seeds.index(_LEGACY_SEED)]]
        found[f"{prefix}_{column}"] = float(round(_mean(values) * 1e6))
    latencies = [float(value) for result in results for value in result.get("latency") or () if value > 0]
    if latencies:
        found[f"{prefix}_latency_s"] = _mean(latencies)
    return found


def _mean(values: list[Any]) -> float:
    return float(np.mean([float(value) for value in values])) if values else float("nan")
