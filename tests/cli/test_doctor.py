"""`sugata doctor` with a task: advice for people and for programs."""

import json


def test_advice_is_printed_with_its_reasons_and_lines_to_run(sugata) -> None:
    code, out, _ = sugata("doctor", "--task", "own", "--budget", "2m")
    assert code == 0
    words = [line.split()[0] for line in out.splitlines() if line[:1].strip()]  # others are wrapped
    assert words[:4] == ["space", "strategy", "evaluator", "because"]
    assert "budget=120)" in out


def test_advice_as_json_has_the_command(sugata) -> None:
    code, out, _ = sugata("doctor", "--task", "research", "--json")
    assert code == 0
    assert json.loads(out)["command"].startswith("sugata bench strategies")


def test_what_cannot_be_advised_is_one_line(sugata) -> None:
    for given, said in (
        (("--task", "sound"), "use one of image"),
        (("--task", "image", "--budget", "soon"), "not a duration"),
        (("--task", "image", "--data", "/nowhere"), "/nowhere"),
    ):
        code, out, err = sugata("doctor", *given)
        assert code != 0
        assert said in err
        assert len(err.strip().splitlines()) == 1, err
        assert not out
