"""Whatever a person types wrongly is answered by one line and exit code 2, and leaves nothing behind."""

import json
from pathlib import Path

import pytest

from sugata.run import Result

TYPED = {
    "search --set bugdet.seconds=10": "unknown field 'bugdet'; did you mean 'budget'?",
    "search --set task.dat=x": "unknown field 'task.dat'; did you mean 'data'?",
    "search --set seed=abc": "'seed' is 'abc'",
    "search --set limits.size=large": "write it like 50MB",
    "search --set funnel=3": "field 'funnel'",
    "search --set engine.workers=-1": "greater than or equal to 0",
    "search --engine dask": "'engine.kind' is 'dask'",
    "search --address auto": "engine.address is for a cluster; set engine.kind to ray",
    "search --engine ray --set engine.workers=0": "engine.workers 0 is this process",
    "search --set seed=[": "write it as field=value",
    "search --set seed": "write it as field=value",
    "search --set =3": "write it as field=value",
    "search --set space.a=1": "field 'space.a': space is not a section",
    "search --budget -5": "field 'budget.seconds'",
    "search --budget soon": "write it like 90s, 10m or 1.5h",
    "search --max-latency 5parsecs": "write it like 10ms",
    "search --top -1": "final.top",
    "search tinny": "did you mean 'tiny'?",
    "search nothing.yaml": "no such recipe file",
    "search --set space=tyny": "did you mean",
    "search --set space=json:nothing": "cannot be imported",
    "search --set space=json:loads": "cannot be made",
    "search --set choices.hiden_dim=[64]": "did you mean 'hidden_dim'?",
    "search --set choices.hidden_dim=[1.5]": "positive whole number",
    "search --set strategy.kind=luck": "strategy.kind",
    "search --set strategy.kind=json:nothing": "field 'strategy.kind': 'json:nothing' cannot be imported",
    "search --set objectives.metrics=[speed]": "'speed' is not measured",
    "search --set limits.metrics.speed=1": "'speed' is not measured",
    "search --set promote_by=luck": "luck",
    "search --set task=null": "neither task nor evaluate",
    "search --set evaluate=json": "module:name",
    "search --set engine.deterministic=true": "not seconds",
    "search --data nowhere": "nowhere does not exist",
    "search --data hf:": "hf:NAME",
    "search --warm-start nowhere": "field 'warm_start': nowhere: no such run folder",
    "search --set warm_start.top=3": "field 'warm_start.0.run': Field required",
    "search --table nothing.csv --metric x": "nothing.csv: no such table",
    "search --table nothing.csv": "field 'table.metric': Field required",
    "search --metric x": "field 'table.file': Field required",
    "bench strategies --data nowhere": "nowhere: holds neither of nasbench201/nasbench201.parquet",
    "bench strategies --table nothing.csv": "nothing.csv: no such table",
    "bench workers --table nothing.csv": "nothing.csv: no such table",
    "convert-table nowhere table.parquet": "nowhere: no such file or folder",
    "convert-table nowhere table.txt": "a table is a .parquet or .csv file",
    "resume nowhere": "no such run folder",
    "status nowhere": "no such run folder",
    "report .": "not a run folder",
    "compare nowhere nowhere": "no such run folder",
    "export nowhere": "no such run folder",
    "generate . hello": "not an exported model",
    "spaces tinny": "did you mean",
    "show gpt3": "did you mean 'gpt2'?",
    "show nowhere.json": "cannot be read",
    "show nasbench201:|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|": "unknown operation 'conv' on edge",
    "show nasbench201:|none~0|": "write |op~0|+|op~0|op~1|+|op~0|op~1|op~2|",
    "show nasbench210:|none~0|": "did you mean 'nasbench201'?",
    "show tiny:|none~0|": "has no strings",
    "measure gpt3": "did you mean 'gpt2'?",
    "train gpt3 --to out": "did you mean 'gpt2'?",
    "train tiny_gpt2 --to out --amount soon": "not a duration",
    "init nowhere/recipe.yaml": "cannot be written",
    "init recipe.yaml --from tinny": "did you mean 'tiny'?",
}


@pytest.mark.parametrize("typed", TYPED)
def test_one_line(sugata, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = sugata(*typed.split())
    assert code == 2
    assert not out
    _is_one_line(err, TYPED[typed])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("typed", ["serch", "search --bugdet 3", "status", "search --seed x"])
def test_usage_errors(sugata, typed: str) -> None:
    code, _, err = sugata(*typed.split())
    assert code == 2
    assert "Traceback" not in err


def test_recipe_files(sugata, tmp_path: Path) -> None:
    for text, said in {
        "budget: [": "line",
        "- a\n- b": "a recipe is a mapping of fields, not list",
        "funnel:\n  - {name: a, amount: 3, keeps: 1}": "did you mean 'keep'?",
        "funnel:\n  - {name: a, amount: 3}\n  - {name: b, amount: 2}": "must grow",
    }.items():
        path = tmp_path / "recipe.yaml"
        path.write_text(text)
        code, _, err = sugata("search", path)
        assert code == 2
        _is_one_line(err, said)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "it is empty"),
        ({"a.py": b"", "b.py": b"  \n"}, "all binary, empty"),
        ({"a.py": b"\0\1\2" * 50, "b.c": b"\xff\xfe" * 50}, "all binary"),
        ({"a.png": b"\x89PNG", "b.bin": b"\0"}, "of other kinds"),
        ({"a.py": b"print(1)\n"}, "data"),
    ],
)
def test_corpora(sugata, files: dict[str, bytes], said: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name, content in files.items():
        (data / name).write_bytes(content)
    code, _, err = sugata("search", "--data", data, "--run-dir", tmp_path / "run")
    assert code == 2
    _is_one_line(err, said)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_impossible_limits_name_the_smallest_architecture(sugata, small: Path, tmp_path: Path) -> None:
    for option, value in (("--max-size", "1kB"), ("--max-latency", "0.001ms")):
        one = "choices={vocab_size: [300], hidden_dim: [64], num_layers: [2], architecture: [transformer], "
        one += "num_heads: [2], activation: [gelu], normalization: [rmsnorm], pruning_ratio: [0.0]}"
        code, _, err = sugata("search", small, option, value, "--set", one, "--run-dir", tmp_path / "run")
        assert code == 2
        _is_one_line(err, "the smallest architecture has")
        assert "hidden_dim=64" in err
        assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_vocabularies_that_the_corpus_is_too_small_for(sugata, small: Path, tmp_path: Path) -> None:
    code, _, err = sugata(
        "search", small, "--set", "choices.vocab_size=[100000]", "--run-dir", tmp_path / "run"
    )
    assert code == 2
    _is_one_line(err, "pad_vocabulary")


@pytest.mark.slow
def test_runs(sugata, finished: Result, small: Path, tmp_path: Path) -> None:
    folder = finished.folder
    for arguments, said in {
        ("search", small, "--run-dir", folder): f"go on with: sugata resume {folder}",
        ("export", folder, "--trial", 99): "no trial 99",
        ("generate", folder, "x"): f"give {folder / 'best'}",
        ("generate", folder / "best", "x", "--temperature", -1): "temperature",
        ("generate", folder / "best", "x", "--top-p", 2): "top_p",
        ("generate", folder / "best", "x", "--tokens", 0): "max_new_tokens",
        ("resume", folder, "--budget", 0): "budget.seconds",
        ("train", "tiny_gpt2", "--to", folder): "not empty",
    }.items():
        code, _, err = sugata(*arguments)
        assert code == 2, arguments
        _is_one_line(err, said)


def test_a_network_outside_its_space(sugata, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"space": "language/tiny", "choices": {"hidden_dim": 65}}))
    code, _, err = sugata("show", path)
    assert code == 2
    _is_one_line(err, "a.json")


def _is_one_line(err: str, said: str) -> None:
    lines = err.splitlines()
    assert lines[-1].startswith("error: ")
    assert said in lines[-1]
    assert not any(line.startswith("error") for line in lines[:-1])
    assert "Traceback" not in err
