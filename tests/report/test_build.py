"""report/ is handgrad's and the user's: what is his stays whatever happens, and two reports do not meet."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from handgrad.errors import DamagedError, ResultsError
from handgrad.report import build_report
from handgrad.study.folder.earlier import LIST
from handgrad.study.folder.locks import reporting
from handgrad.study.folder.store import opened


class Killed(BaseException):
    """The process ends here."""


def files_in(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def built(make_results):
    """(a results folder, what build_report says of it, its report)."""
    folder, said = make_results({"seeds": 1}), []

    def build():
        said.clear()
        return build_report(folder, formats=[], say=said.append).parent

    return folder, build, said


def test_what_the_user_puts_into_the_report_stays(built):
    _, build, said = built
    report = build()
    mine = ("discussion.md", "figures/photo.png", "tables/own.csv", "notes/a/b.txt", "figures/.hidden")
    for name in mine:
        (report / name).parent.mkdir(parents=True, exist_ok=True)
        (report / name).write_text(name)
    (report / "linked.md").symlink_to(report / "discussion.md")
    assert build() == report
    assert said == []
    assert [(report / name).read_text() for name in mine] == list(mine)
    assert (report / "linked.md").is_symlink()


def test_what_the_user_changed_is_kept_and_said(built):
    folder, build, said = built
    report = build()
    whole = files_in(report)
    table, page = report / "tables" / "summary-1.md", report / "index.html"
    table = table if table.exists() else report / "tables" / "summary.md"
    table.write_text("my own words")
    page.unlink()
    page.symlink_to(table)
    build()
    kept = folder / "earlier-1" / "report"
    assert files_in(report) == whole
    assert (kept / "tables" / table.name).read_text() == "my own words"
    assert (kept / "index.html").is_symlink()
    assert f"{table} was not as handgrad wrote it; that version is kept as {kept / 'tables' / table.name}" in said
    assert len(said) == 2
    build()
    assert said == []


def test_a_report_of_an_earlier_version_goes_aside_and_what_is_no_report_stays(built):
    folder, build, said = built
    report = folder / "report"
    (report / "tables").mkdir(parents=True)
    for name in ("index.html", "tables/summary-9.md", "discussion.md"):
        (report / name).write_text(name)
    build()
    assert (folder / "earlier-1" / "report" / "index.html").read_text() == "index.html"
    assert (folder / "earlier-1" / "report" / "tables" / "summary-9.md").exists()
    assert not (report / "tables" / "summary-9.md").exists()
    assert (report / "discussion.md").read_text() == "discussion.md"
    assert len(said) == 2


@pytest.mark.parametrize("content", ["{}", "mine", '{"files": {"../../x": []}}'])
def test_a_list_of_files_that_is_not_ours(built, content):
    folder, build, said = built
    report = build()
    (report / ".files.json").write_text(content)
    build()
    assert (folder / "earlier-1" / "report" / ".files.json").read_text() == content
    build()
    assert said == []


def test_things_in_the_way_are_named_and_nothing_has_changed(built):
    folder, build, _ = built
    report = build()
    for name, thing in (("index.html", "folder"), ("tables", "file"), ("figures", "link")):
        (report / name).rename(folder / "away")
        if thing == "folder":
            (report / name / "mine").mkdir(parents=True)
        elif thing == "file":
            (report / name).write_text("mine")
        else:
            (report / name).symlink_to("nowhere")
        before = files_in(report)
        with pytest.raises(ResultsError, match=rf"report/{name}: .*; move it away"):
            build()
        assert files_in(report) == before
        if thing == "folder":
            (report / name / "mine").rmdir()
            (report / name).rmdir()
        else:
            (report / name).unlink()
        (folder / "away").rename(report / name)
    assert build() == report


def test_a_report_that_is_a_link_is_followed_and_no_folder_is_refused(built, tmp_path):
    folder, build, _ = built
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").write_text("mine")
    (folder / "report").symlink_to(tmp_path / "elsewhere")
    for _ in range(2):
        build()
        assert (folder / "report").is_symlink()
        assert (tmp_path / "elsewhere" / "index.html").exists()
        assert (tmp_path / "elsewhere" / "mine").read_text() == "mine"
    (folder / "report").unlink()
    (folder / "report").symlink_to("nowhere")
    with pytest.raises(ResultsError, match="report: is a link that leads nowhere where the report has its folder"):
        build()
    (folder / "report").unlink()
    (folder / "report").write_text("mine")
    with pytest.raises(ResultsError, match="report: is a file where the report has its folder; move it away"):
        build()
    assert (folder / "report").read_text() == "mine"


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_rename_the_next_report_is_whole_and_nothing_is_taken_for_the_users(built, monkeypatch, after):
    folder, build, said = built
    report = build()
    (report / "mine").write_text("mine")
    record = next((folder / "runs").iterdir()) / "record.json"
    real = os.replace
    call, ended = 0, False
    while not ended:
        call += 4 if call else 1  # of some twenty renames
        count = [0]

        def killed(*arguments, count=count, call=call):
            count[0] += 1
            if count[0] >= call:
                if after and count[0] == call:
                    real(*arguments)
                raise Killed
            real(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", killed)
            patch.setattr("handgrad.report.build.shutil.rmtree", lambda *a, **k: None)
            patch.setattr("handgrad.report.build.render", lambda *a, call=call: f"a page of another run {call}")
            try:
                build()
                ended = True
            except Killed:
                pass
        build()
        assert said == [], call
        assert (report / "mine").read_text() == "mine"
        assert b"another run" not in (report / "index.html").read_bytes()
        assert not list(folder.rglob("*.tmp"))
        assert not list(folder.glob("earlier-*"))
    assert call > 10
    assert record.exists()


def test_a_first_report_that_fails_leaves_no_folder(built, monkeypatch):
    folder, build, _ = built

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("handgrad.report.build.render", full)
        with pytest.raises(ResultsError, match="No space left on device"):
            build()
    assert not (folder / "report").exists()
    run = next((folder / "runs").iterdir())
    (run / "weights.safetensors").write_bytes(b"")
    with pytest.raises(DamagedError, match=rf"{run.name}/weights\.safetensors: was altered"):
        build()
    assert not (folder / "report").exists()


def test_two_reports_at_once_and_a_study_that_opens_the_folder_meanwhile(built):
    folder, build, _ = built
    report = build()
    (report / "mine").write_text("mine")
    whole, failures = files_in(report), []

    def again():
        try:
            build_report(folder, formats=[])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=again) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        with opened(folder, "invented-study"):  # it sweeps, and must leave what they are writing
            pass
        assert json.loads((report / ".files.json").read_bytes())
    assert failures == []
    assert files_in(report) == whole


def test_who_waits_too_long_for_a_report_is_told(built, monkeypatch):
    folder, build, _ = built
    monkeypatch.setattr("handgrad.report.build.reporting", lambda folder: reporting(folder, patience=0.1))
    with (
        reporting(folder),
        pytest.raises(
            ResultsError, match=r"another process is making the report of these results\. Wait for it to end"
        ),
    ):
        build()


def test_a_report_that_was_killed_leaves_nothing_after_the_next_run_or_report(built):
    folder, build, _ = built
    report = build()
    (report / ".new.12345-0.tmp" / "tables").mkdir(parents=True)
    files = [path.relative_to(report) for path in report.rglob("*") if path.is_file() and path.name != LIST]
    for path in files:
        (report / ".new.12345-0.tmp" / path).parent.mkdir(parents=True, exist_ok=True)
        (report / ".new.12345-0.tmp" / path).write_text("")
    (folder / ".report.12345.tmp" / "figures").mkdir(parents=True)  # of an earlier version
    (folder / ".report.12345.tmp" / "index.html").write_text("")
    with opened(folder, "invented-study"):
        pass
    assert not list(folder.rglob("*.tmp"))
    assert not list(report.glob("new-before*"))
    (report / ".new.12345-0.tmp").mkdir()
    build()
    assert not list(folder.rglob("*.tmp"))


def test_a_report_of_a_folder_that_is_in_use_by_a_study(built):
    folder, build, _ = built
    hold = (
        "import sys; from pathlib import Path; from handgrad.study.folder.locks import writing\n"
        "with writing(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", hold, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    assert Path(build(), "index.html").exists()
    with (
        pytest.raises(ResultsError, match="another process is writing these results at this moment"),
        opened(folder, "invented-study"),
    ):
        pass
    process.communicate("")
