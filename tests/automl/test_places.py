"""A fit goes on where the same one was left, and nowhere else."""

from pathlib import Path

import pytest

from sugata.automl.places import DATA, settle, staging
from sugata.errors import RunFolderError
from sugata.run.folder import locked


def placed(root: Path, mark: str, *, overwrite: bool = False) -> tuple[str, bool]:
    with staging(root) as made:
        (made / DATA).mkdir()
        (made / DATA / "facts.json").write_text(mark)
        folder, again = settle(root, "fit", mark, made / DATA, overwrite=overwrite)
    assert (folder / DATA / "facts.json").read_text() == mark
    assert not list(root.glob(".preparing-*"))
    return folder.name, again


def test_the_same_fit_goes_on_and_another_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    assert placed(tmp_path, "one") == ("fit", False)
    assert placed(tmp_path, "one") == ("fit", True)
    assert placed(tmp_path, "two") == ("fit-2", False)
    assert placed(tmp_path, "two") == ("fit-2", True)
    assert placed(tmp_path, "one") == ("fit", True)


def test_overwriting_begins_anew(tmp_path: Path) -> None:
    placed(tmp_path, "one")
    assert placed(tmp_path, "one", overwrite=True) == ("fit", False)
    assert placed(tmp_path, "two", overwrite=True) == ("fit", False)


def test_what_is_no_fit_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / "thesis.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="not a folder of a fit"):
        placed(tmp_path, "one", overwrite=True)
    assert (tmp_path / "fit" / "thesis.txt").read_text() == "mine"


def test_a_fit_that_another_process_works_on_is_left_alone(tmp_path: Path) -> None:
    placed(tmp_path, "one")
    with locked(tmp_path / "fit"):
        assert placed(tmp_path, "one") == ("fit-2", False)
        assert placed(tmp_path, "one", overwrite=True) == ("fit-3", False)
