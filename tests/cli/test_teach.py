"""`sugata teach`, and searches whose candidates have a teacher."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sugata import recipe as recipes
from sugata.errors import RecipeError, SugataError
from sugata.run import Progress, Result, start
from sugata.training.distillation import open_teacher, read_completions

pytestmark = pytest.mark.slow

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def logits(finished: Result, corpus: Path, sugata: Command, tmp_path: Path) -> Path:
    to = tmp_path / "logits"
    asked = ("--data", corpus, "--max-bytes", "100kB", "--count", 6, "--length", 32, "--k", 8)
    code, out, err = sugata("teach", finished.folder / "best", "--logits", to, *asked)
    assert code == 0, err
    assert out.strip() == f"{to}; learn from it: --set training.distill.teacher={to}"
    return to


def searched(small: Path, teacher: object, folder: Path) -> Result:
    changes = {"training.distill": {"teacher": str(teacher)}, "budget.trials": 1, "final.top": 1}
    return start(recipes.load(small, changes), folder, progress=Progress(quiet=True))


def test_a_search_learns_from_an_earlier_winner_and_from_its_stored_logits(
    finished: Result, logits: Path, small: Path, tmp_path: Path
) -> None:
    assert sorted(path.name for path in logits.iterdir()) == [
        "indices.npy",
        "logits.json",
        "logits.npy",
        "tokens.npy",
    ]
    (checkpoint,) = sorted((finished.folder / "final").glob("*/checkpoint.safetensors"))[:1]
    for number, teacher in enumerate((checkpoint, logits)):
        result = searched(small, teacher, tmp_path / str(number))
        assert result.finished, teacher
        assert result.best is not None
        assert result.best.metrics["bits_per_byte"] > 0


def test_a_checkpoint_of_a_run_is_the_network_that_was_exported(finished: Result) -> None:
    best = finished.best
    assert best is not None
    number = best.proposal.parents[0]
    found = open_teacher(finished.folder / "final" / f"{number:04d}")
    names = {name for name, _ in found.model.named_parameters()}  # type: ignore[attr-defined]
    assert names == {name for name, _ in finished.model().named_parameters()}


def test_texts_are_written_and_learned_from(
    finished: Result, corpus: Path, small: Path, sugata: Command, tmp_path: Path
) -> None:
    to = tmp_path / "texts.jsonl"
    asked = ("--data", corpus, "--max-bytes", "100kB", "--count", 3, "--length", 4)
    code, _, err = sugata("teach", finished.folder / "best", "--texts", to, *asked)
    assert code == 0, err
    rows = read_completions(to)
    assert len(rows) == 3
    assert all(prompt.startswith("def ") for prompt, _ in rows)
    assert searched(small, to, tmp_path / "run").finished


def test_a_teacher_that_cannot_teach_fails_in_one_line(
    corpus: Path, sugata: Command, finished: Result, tmp_path: Path
) -> None:
    (tmp_path / "hollow").mkdir()
    (tmp_path / "hollow" / "config.json").write_text('{"model_type": "gpt2"}')
    to = ("--logits", tmp_path / "a")
    for arguments, message in (
        ((tmp_path / "hollow", *to), "has no weights"),
        ((tmp_path / "nothing", *to), "does not exist"),
        ((finished.folder / "best",), "give one of --logits FOLDER and --texts FILE.jsonl"),
        ((finished.folder / "best", "--logits", tmp_path), "exists already"),
        ((finished.folder / "best", "--texts", tmp_path / "a.txt"), "ends in .jsonl"),
        ((finished.folder / "best", *to, "--max-bytes", "lots"), "'lots' is not a size"),
        ((finished.folder / "best", *to, "--data", corpus, "--k", 400), "at most 300 logits"),
    ):
        code, _, err = sugata("teach", *arguments)
        assert (code, err.count("\n")) == (2, 1), err
        assert message in err


def test_a_teacher_is_looked_at_before_a_search_begins(finished: Result, small: Path, tmp_path: Path) -> None:
    for changes, message in (
        ({"training.distill": {"teacher": str(tmp_path / "none")}}, "does not exist"),
        ({"final.training": {"distill": {"teacher": str(tmp_path / "none")}}}, "does not exist"),
        (
            {
                "training.distill": {"teacher": str(finished.folder / "best")},
                "choices.vocab_size": [280, 300],
            },
            r"another tokenizer \(300 tokens, the student's 280\)",
        ),
    ):
        with pytest.raises(SugataError, match=message):
            start(recipes.load(small, changes), tmp_path / "run", progress=Progress(quiet=True))
        assert not (tmp_path / "run" / "journal.jsonl").exists()


def test_only_language_models_have_teachers() -> None:
    given = {
        "space": "tiny",
        "task": {"kind": "code_search"},
        "funnel": [{"name": "only", "amount": 1}],
        "objectives": {"metrics": ["mean_reciprocal_rank"]},
        "final": {"training": {"distill": {"teacher": "somewhere"}}},
    }
    with pytest.raises(RecipeError, match=r"training.distill is for task.kind code"):
        recipes.parse(given)
    with pytest.raises(RecipeError, match=r"field 'training.distill.temperature' is 0"):
        recipes.parse({"training": {"distill": {"teacher": "a", "temperature": 0}}})
