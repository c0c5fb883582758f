"""The page: whole, self-contained, safe, and sensible for runs with next to nothing in them."""

import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sugata.objectives import Limit, Objectives
from sugata.report import MeasuredBaseline, ReportData, Winner, report_html, write_report
from sugata.space import Block, Graph
from sugata.trial import Metric, Proposal, Status, Trial

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Page(HTMLParser):
    """Collects tags with their attributes, and checks that they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.script = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.found and self.found[-1][1].get("id") == "run" and self.open[-1:] == ["script"]:
            self.script += data

    @property
    def sections(self) -> list[str | None]:
        return [attributes.get("id") for tag, attributes in self.found if tag == "section"]


def page(data: ReportData) -> Page:
    parsed = Page(report_html(data))
    assert parsed.open == []
    json.loads(parsed.script, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    return parsed


def test_a_whole_run_has_every_section_and_needs_no_network(language_data):
    text = report_html(language_data)
    expected = ["winner", "front", "progress", "funnel", "importance", "curves", "table", "next", "settings"]
    assert page(language_data).sections == expected
    assert not re.search(r'(src|href)="(?!#)', text)
    assert "@import" not in text
    assert len(text) < 300_000


@pytest.mark.slow
def test_what_a_report_leaves_in_its_folder(language_data, tmp_path):
    assert write_report(language_data, tmp_path) == tmp_path / "report.html"
    assert {file.name for file in tmp_path.iterdir()} == {"report.html", "history.csv", "pareto.csv", "plots"}
    names = {file.name for file in (tmp_path / "plots").iterdir()}
    assert names == {"front.png", "progress.png", "importance.png", "learning_curves.png", "winner.png"}


def test_both_test_scores_stand_in_the_page_with_a_verdict(language_data):
    text = report_html(language_data)
    assert "2.20731" in text
    assert "2.20745" in text
    assert "They agree" in text
    assert language_data.winner is not None
    apart = replace(language_data, winner=replace(language_data.winner, exported_test_score=2.4))
    assert "They do not agree" in report_html(apart)


def test_the_headline_says_so_when_the_baseline_is_better(language_data):
    better = MeasuredBaseline("rival", {"bits_per_byte": 0.5, "size_bytes": 1e6, "latency_ms": 1.0})
    text = report_html(replace(language_data, baselines=(better,)))
    assert "does not beat the baseline, rival" in text


def test_a_baseline_over_a_limit_is_not_what_the_winner_is_measured_against(language_data):
    huge = MeasuredBaseline("huge", {"bits_per_byte": 0.5, "size_bytes": 9e9, "latency_ms": 1.0})
    text = report_html(replace(language_data, baselines=(*language_data.baselines, huge)))
    assert "the best baseline within the limits, tiny_" in text
    assert "over the limit: stored size" in text


@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_a_users_own_function_with_few_trials(function_data, count):
    data = function_data(count)
    parsed = page(data)
    assert "front" in parsed.sections
    assert "curves" not in parsed.sections


@pytest.mark.slow
def test_plots_of_an_earlier_report_do_not_outlive_their_reason(function_data, tmp_path):
    write_report(function_data(5), tmp_path)
    assert (tmp_path / "plots" / "front.png").exists()
    write_report(function_data(0), tmp_path)
    assert list((tmp_path / "plots").iterdir()) == []


def test_only_failures(function_data):
    data = function_data(0)
    trials = tuple(Trial(Proposal(i, {"depth": 2}), Status.FAILED, reason="no") for i in range(3))
    assert "No architecture completed" in report_html(replace(data, trials=trials))
    page(replace(data, trials=trials))


@pytest.mark.slow
def test_nan_infinite_and_missing_metrics(language_data, tmp_path):
    broken = []
    for i, trial in enumerate(language_data.trials):
        metrics = dict(trial.metrics)
        if metrics and i % 4 == 0:
            metrics["bits_per_byte"] = math.nan
        if metrics and i % 4 == 1:
            metrics["latency_ms"] = math.inf
        if metrics and i % 4 == 2:
            del metrics["size_bytes"]
        broken.append(replace(trial, metrics=metrics, curve=((1.0, math.nan), (2.0, 1.0), (3.0, 0.9))))
    odd = MeasuredBaseline("odd", {"bits_per_byte": math.nan})
    data = replace(language_data, trials=tuple(broken), baselines=(odd,))
    page(data)
    write_report(data, tmp_path)


def test_huge_and_tiny_and_constant_values(function_data):
    data = function_data(6)
    for value in (0.0, -3.0, 1e-300, 1e300, 1e15, -1e-9):
        trials = tuple(replace(trial, metrics={"score": value}) for trial in data.trials)
        page(replace(data, trials=trials))


@pytest.mark.slow
def test_everything_that_a_user_names_is_escaped(tmp_path):
    objectives = Objectives((Metric(EVIL, EVIL), Metric("size")), (Limit(EVIL, 3.0),))
    trials = tuple(
        Trial(
            Proposal(i, {EVIL: EVIL if i % 2 else "b"}, origin=EVIL),
            Status.FAILED if i == 7 else Status.COMPLETED,
            {} if i == 7 else {EVIL: 1.0 + i, "size": 9.0 - i},
            reason=EVIL,
            curve=((0, 1), (1, 2)),
        )
        for i in range(8)
    )
    data = ReportData(
        title=EVIL,
        objectives=objectives,
        trials=trials,
        choices=((EVIL, (EVIL, "b")),),
        command=EVIL,
        run_folder=EVIL,
        recipe=EVIL,
        environment={EVIL: {EVIL: [EVIL]}},
        space_name=EVIL,
        curve_metric=EVIL,
        curve_step=EVIL,
        baselines=(MeasuredBaseline(EVIL, {EVIL: 2.0, "size": 1.0}, {EVIL: "b"}),),
        winner=Winner(
            {EVIL: EVIL},
            {EVIL: 1.0},
            number=1,
            outline=(Block(EVIL, EVIL, EVIL, (EVIL,), 3),),
            test_metric=EVIL,
            test_score=1.0,
            exported_test_score=1.0,
            curve=((0, 1), (1, 2)),
            prompt=EVIL,
            sample=EVIL * 2,
            files={EVIL: 3},
        ),
        stages=((EVIL, 1.0),),
        warnings=(EVIL,),
    )
    parsed = page(data)
    tags = {tag for tag, _ in parsed.found}
    assert "img" not in tags
    assert sum(tag == "script" for tag, _ in parsed.found) == 2
    assert not any(name.startswith("on") for _, attributes in parsed.found for name in attributes)
    write_report(data, tmp_path)


def test_the_page_is_the_same_every_time(language_data):
    assert report_html(language_data) == report_html(language_data)


def test_importing_the_report_draws_in_neither_torch_nor_matplotlib():
    code = "import sugata.report, sys; print({'torch', 'matplotlib', 'plotly'} & sys.modules.keys())"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_browser_runs_the_script_without_a_word(language_data, tmp_path: Path):
    path = write_report(language_data, tmp_path)
    options = (
        "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    )
    more = "--disable-sync --disable-component-update --enable-logging=stderr --v=0"
    command = ["chromium", *options.split(), *more.split()]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in result.stderr
    assert 'aria-label="baseline tiny_gpt2"' in result.stdout
    assert result.stdout.count('role="button"') > 10


def test_the_winners_cell_is_drawn(language_data: ReportData) -> None:
    assert language_data.winner is not None
    cell = Graph(("input", "odd_operation", "output"), ((0, 1), (1, 2)))
    winner = replace(language_data.winner, cells={"normal": cell})
    assert ">odd_operation<" in report_html(replace(language_data, winner=winner))
    assert ">odd_operation<" not in report_html(language_data)
