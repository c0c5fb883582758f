"""Preparing is done once, survives crashes and competitors, and notices every change of the data."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from sugata.errors import DataError, DiskFullError
from sugata.tasks.cache import default_cache_dir
from sugata.tasks.corpus import SPLITS, Corpus, CorpusSettings, open_corpus


def settings(folder: Path, **options: float) -> CorpusSettings:
    return CorpusSettings(str(folder), **options)  # type: ignore[arg-type]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_corpus_holds_every_document_in_one_split(code_folder: Path, tmp_path: Path) -> None:
    corpus = open_corpus(settings(code_folder), tmp_path)
    texts = [text for split in SPLITS for text in corpus.documents(split)]
    assert sorted(texts) == sorted(
        path.read_text("utf-8") for path in code_folder.glob("package_*/module_*.py")
    )
    for split in SPLITS:
        assert "".join(corpus.documents(split)).encode() == corpus.text(split).tobytes()
        assert corpus.facts["bytes"][split] == len(corpus.text(split))
    assert corpus.facts["split_by"] == "package"


def test_packed_tokens_stand_for_the_text(code_folder: Path, tmp_path: Path) -> None:
    corpus = open_corpus(settings(code_folder), tmp_path)
    corpus.prepare([300, 350])
    for size in (300, 350):
        vocabulary = corpus.vocabulary(size)
        assert vocabulary is not None
        assert vocabulary.tokenizer.get_vocab_size() == size == len(vocabulary.token_bytes)
        for split in SPLITS:
            tokens = vocabulary.tokens(split)
            assert isinstance(tokens, np.memmap)
            documents = corpus.documents(split)
            expected = [t for text in documents for t in [*vocabulary.tokenizer.encode(text).ids, 0]]
            assert tokens.tolist() == expected
            assert vocabulary.token_bytes[tokens].sum() == corpus.facts["bytes"][split]


def test_the_tokenizer_sees_the_train_split_only(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    for split, word in (("train", "alpha"), ("validation", "bravo"), ("test", "charlie")):
        rows = [json.dumps({"code": f"{word} {number}"}) for number in range(50)]
        (folder / f"{split}.jsonl").write_text("\n".join(rows))
    corpus = open_corpus(settings(folder), tmp_path / "cache")
    corpus.prepare([270])
    vocabulary = corpus.vocabulary(270)
    assert vocabulary is not None
    assert "alpha" in vocabulary.tokenizer.get_vocab()
    assert not {"bravo", "ch", "rav"} & set(vocabulary.tokenizer.get_vocab())


def test_a_second_opening_reads_nothing(code_folder: Path, tmp_path: Path) -> None:
    said: list[str] = []
    first = open_corpus(settings(code_folder), tmp_path, say=said.append)
    first.prepare([300], say=said.append)
    assert said
    said.clear()
    again = open_corpus(settings(code_folder), tmp_path, say=said.append)
    again.prepare([300], say=said.append)
    assert (said, again.folder) == ([], first.folder)


def test_equal_data_elsewhere_have_the_same_fingerprint(code_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(code_folder, tmp_path / "copy", symlinks=True)
    one = open_corpus(settings(code_folder), tmp_path / "cache1")
    other = open_corpus(settings(tmp_path / "copy"), tmp_path / "cache2")
    one.prepare([300])
    other.prepare([300])
    assert one.fingerprint == other.fingerprint
    assert {k: v for k, v in files_of(one.folder).items() if k != "corpus.json"} == {
        k: v for k, v in files_of(other.folder).items() if k != "corpus.json"
    }


def test_changed_data_and_settings_have_another_fingerprint(code_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(code_folder, folder, symlinks=True)
    fingerprints = {open_corpus(settings(folder), tmp_path / "cache").fingerprint}
    fingerprints.add(open_corpus(settings(folder, max_bytes=30_000), tmp_path / "cache").fingerprint)
    fingerprints.add(open_corpus(settings(folder, test_share=0.3), tmp_path / "cache").fingerprint)
    (folder / "package_3" / "module_3.py").write_text("changed = 1\n")
    fingerprints.add(open_corpus(settings(folder), tmp_path / "cache").fingerprint)
    assert len(fingerprints) == 4


def test_vocabularies_do_not_depend_on_what_else_was_prepared(code_folder: Path, tmp_path: Path) -> None:
    together, apart = (open_corpus(settings(code_folder), tmp_path / name) for name in ("a", "b"))
    together.prepare([300, 400])
    apart.prepare([300])
    assert files_of(together.folder / "vocabulary-300") == files_of(apart.folder / "vocabulary-300")


def test_a_crash_leaves_nothing_that_is_taken_for_finished(
    code_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = open_corpus(settings(code_folder), tmp_path)
    ordinary = np.save

    def crash(path: Path, *args: object, **kwargs: object) -> None:
        if str(path).endswith("test.npy"):
            raise KeyboardInterrupt
        ordinary(path, *args, **kwargs)  # type: ignore[arg-type, call-overload]

    monkeypatch.setattr(np, "save", crash)
    with pytest.raises(KeyboardInterrupt):
        corpus.prepare([300])
    monkeypatch.undo()
    assert corpus.vocabulary(300) is None
    assert not list(corpus.folder.glob(".new-*"))
    corpus.prepare([300])
    assert corpus.vocabulary(300) is not None


def test_a_damaged_index_is_written_anew(code_folder: Path, tmp_path: Path) -> None:
    first = open_corpus(settings(code_folder), tmp_path)
    for index in (tmp_path / "sources").iterdir():
        index.write_text("{")
    assert open_corpus(settings(code_folder), tmp_path).folder == first.folder


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_line(
    code_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(DiskFullError, match=r"no space left for the cache at .*set SUGATA_CACHE"):
        open_corpus(settings(code_folder), tmp_path)
    assert not list(tmp_path.glob("corpus-*"))


def test_a_cache_that_cannot_be_written_is_one_line(code_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot write .*set SUGATA_CACHE"):
        open_corpus(settings(code_folder), tmp_path / "file" / "cache")


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.delenv("SUGATA_CACHE", raising=False)
    assert default_cache_dir() == Path("/xdg/sugata")
    monkeypatch.setenv("SUGATA_CACHE", "~/own")
    assert default_cache_dir() == Path.home() / "own"


def test_impossible_settings_are_refused(code_folder: Path) -> None:
    for options in ({"validation_share": 0.0}, {"test_share": 0.6}, {"max_bytes": 0}):
        with pytest.raises(DataError, match=f"^{next(iter(options))}: "):
            settings(code_folder, **options)


def check_prepared(corpus: Corpus) -> None:
    assert not list(corpus.folder.rglob(".new-*"))
    vocabulary = corpus.vocabulary(300)
    assert vocabulary is not None
    for split in SPLITS:
        assert vocabulary.token_bytes[vocabulary.tokens(split)].sum() == len(corpus.text(split))


def test_threads_may_prepare_the_same_corpus_at_once(code_folder: Path, tmp_path: Path) -> None:
    problems: list[BaseException] = []

    def prepare() -> None:
        try:
            open_corpus(settings(code_folder), tmp_path).prepare([300])
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    check_prepared(open_corpus(settings(code_folder), tmp_path))


@pytest.mark.slow
def test_processes_may_prepare_the_same_corpus_at_once(code_folder: Path, tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from sugata.tasks.corpus import CorpusSettings, open_corpus;"
        "open_corpus(CorpusSettings(sys.argv[1]), pathlib.Path(sys.argv[2])).prepare([300, 400])"
    )
    command = [sys.executable, "-c", program, str(code_folder), str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    check_prepared(open_corpus(settings(code_folder), tmp_path))


@pytest.mark.slow
def test_a_published_corpus_keeps_its_validation_split(real_data: Path, tmp_path: Path) -> None:
    corpus = open_corpus(settings(real_data / "pycorpus", max_bytes=4_000_000), tmp_path)
    assert sum(corpus.facts["bytes"].values()) <= 4_000_000
    assert sum(corpus.facts["bytes"].values()) > 3_500_000
    assert corpus.facts["split_by"] == "package"
    assert corpus.facts["packages"]["validation"] >= 5
    assert corpus.facts["packages"]["train"] >= 50
    corpus.prepare([2048])
    assert corpus.vocabulary(2048) is not None
