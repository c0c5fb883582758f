"""`sugata latency-table`."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sugata.space import Choice, SearchSpace
from sugata.spaces.mobile.published import mnasnet_a1


class OneNetwork(SearchSpace):
    """A single network."""

    name = "one"
    choices = (Choice("nothing", (0,)),)

    def __init__(self, width: float = 0.1) -> None:
        self.parameters = {"width": width}
        self.layout = mnasnet_a1().scaled(width, 1.0)

    def build(self, architecture, signature):
        return self.layout.build(signature)

    def parts(self, architecture, signature):
        return self.layout.parts(signature)


def test_a_table_is_measured_and_written(sugata, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "my_space", SimpleNamespace(OneNetwork=OneNetwork))
    file = tmp_path / "table.json"
    given = ("my_space:OneNetwork", "--image", "1x8x8", "--classes", 3, "--set", "network.width=0.2")
    code, out, _ = sugata("latency-table", *given, "--to", file)
    assert code == 0
    assert f"{file}: " in out
    assert "parts of one" in out
    data = json.loads(file.read_text())
    assert data["space"] == {"name": "one", "width": 0.2}
    assert data["image"] == {"channels": 1, "height": 8, "width": 8, "outputs": 3}
    assert data["machine"]["cores"] >= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_space"], "unknown space"),
        (["tiny"], "does not divide its networks"),
        (["proxyless", "--image", "0"], "--image 0"),
        (["proxyless", "--set", "width=0.5"], "--set width: only fields of network"),
        (["proxyless", "--set", "network.height=0.5"], "does not take these parameters"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(sugata, tmp_path: Path, arguments, message: str) -> None:
    code, _, error = sugata("latency-table", *arguments, "--to", tmp_path / "table.json")
    assert code != 0
    assert message in error
    assert len(error.strip().splitlines()) == 1
