"""Figures that workers draw: the same bytes, and what they do not draw is drawn here, with its errors and warnings."""

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import dataclass, replace

import pytest

from handgrad.errors import InputError
from handgrad.report import foreseen_time
from handgrad.report.build import build_report
from handgrad.report.drawing import prints as module
from handgrad.report.drawing.canvas import draw, save_prints
from handgrad.report.drawing.prints import Prints
from handgrad.report.figures.row_shapes import Ranking
from handgrad.study.published.figure_options import SHAPES, FigureShape
from handgrad.study.published.print_options import AS_USUAL, PrintOptions
from handgrad.study.runners.processes import UNGUARDED
from tests.report.drawing.test_canvas import MATRIX, PICTURES, RANKING

NARROW = PrintOptions(column="single", font="serif")


@dataclass(frozen=True)
class Own(Ranking):
    """A shape that no fresh process knows."""


@pytest.fixture
def drawn_here(monkeypatch):
    """Names of the figures that this process draws."""
    found = []

    def saved(figure, *args):
        found.append(figure.name)
        return save_prints(figure, *args)

    monkeypatch.setattr(module, "save_prints", saved)
    return found


def until(true):
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def quiet(prints):
    """Whether the workers have drawn all that they were given."""
    return not prints._waiting and not any(helper.busy for helper in prints._helpers)


def test_workers_write_the_same_bytes_and_leave_what_they_cannot_draw(tmp_path, drawn_here, monkeypatch):
    """A shape of one's own, one that is drawn otherwise here, and one that cannot be drawn are drawn here."""
    monkeypatch.setitem(SHAPES, "Own", replace(SHAPES["Ranking"]))
    monkeypatch.setitem(SHAPES, "Pictures", FigureShape(lambda figure: draw(RANKING), SHAPES["Pictures"].page))
    own = Own(**{**vars(RANKING), "name": "own"})
    wrong = replace(MATRIX, name="wrong", counts=MATRIX.counts[0])
    alone, helped = tmp_path / "alone", tmp_path / "helped"
    asked = ((RANKING, AS_USUAL), (replace(RANKING, name="narrow"), NARROW), (MATRIX, AS_USUAL), (own, AS_USUAL))
    asked = (*asked, (PICTURES, AS_USUAL))
    for folder in (alone, helped):
        folder.mkdir()
    for figure, options in asked:
        save_prints(figure, alone, ("png", "svg", "pdf"), options)
    with Prints(1) as prints:
        for figure, options in asked:
            paths = prints.save(figure, helped, ("png", "svg", "pdf"), options)
            assert [path.name for path in paths] == [f"{figure.name}.{form}" for form in ("png", "svg", "pdf")]
        until(lambda: quiet(prints))
        prints.finish()
        prints.save(wrong, helped, ("png",), AS_USUAL)
        until(lambda: quiet(prints))
        with pytest.raises((IndexError, ValueError)) as raised:
            prints.finish()
    assert sorted(drawn_here) == ["own", "weights", "wrong"]
    with pytest.raises(raised.type, match=str(raised.value)):
        save_prints(wrong, alone, ("png",), AS_USUAL)
    names = sorted(path.name for path in alone.iterdir())
    assert names == sorted(path.name for path in helped.iterdir())
    assert [name for name in names if (alone / name).read_bytes() != (helped / name).read_bytes()] == []
    assert not any(helper.process.is_alive() for helper in prints._helpers)


def test_what_a_worker_had_that_died_is_drawn_here(tmp_path, drawn_here):
    with Prints(1) as prints:
        prints._helpers[0].process.kill()
        prints.save(RANKING, tmp_path, ("svg",), AS_USUAL)
        prints.save(MATRIX, tmp_path, ("svg",), AS_USUAL)
        prints.finish()
        assert sorted(drawn_here) == ["confusion", "ranking"]
    assert {path.name for path in tmp_path.iterdir()} == {"ranking.svg", "confusion.svg"}


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_what_a_worker_had_that_was_stopped_is_drawn_here(tmp_path, drawn_here, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with Prints(1) as prints:
        (helper,) = prints._helpers
        prints.save(RANKING, tmp_path, ("png", "svg", "pdf"), AS_USUAL)
        until(lambda: helper.busy)
        os.kill(helper.process.pid, signal.SIGSTOP)
        prints.finish()
        assert drawn_here == ["ranking"]
    assert not helper.process.is_alive()


def test_a_script_without_a_guard_is_told():
    with Prints() as prints:
        prints._helpers.append(module._Helper())
        prints._helpers[0].process.kill()
        prints._helpers[0].process.join()
        prints.finish()
        prints._helpers[0].process._popen.returncode = UNGUARDED  # as `refuse_unguarded` ends it
        with pytest.raises(InputError, match=r"it runs the script that started it\. There, put the call under `if __n"):
            prints.finish()


def test_a_program_that_is_read_from_a_pipe_has_help(tmp_path):
    """Its `__main__` has the file "<stdin>", which no worker can run."""
    program = (
        "import __main__; __main__.__file__ = '<stdin>'\n"  # as some versions of Python have it
        "from handgrad.report.drawing.prints import _Helper\n"
        "helper = _Helper(); print(helper.answer(), __main__.__file__); helper.process.kill()\n"
    )
    done = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("True <stdin>\n", "")


@pytest.mark.parametrize("name", ["nonsense", "svg"])
def test_a_backend_that_the_environment_names_is_not_needed(name):
    """Matplotlib does not even load where it is none."""
    program = "from handgrad.report.drawing.lettering import installed_font as font; print(font(None)); import os\n"
    program += "import matplotlib; print(os.environ['MPLBACKEND'], matplotlib.rcParams['backend'] == 'svg')"
    environment = {**os.environ, "MPLBACKEND": name}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert (done.stdout.split(), done.stderr) == (["DejaVu", "Sans", name, str(name == "svg")], "")


def test_a_figure_that_something_warns_of_is_drawn_again_here(tmp_path, monkeypatch):
    """So that the warning is heard."""

    def warned(*args):
        warnings.warn("no such glyph", stacklevel=1)
        return save_prints(*args)

    one = module._Print(RANKING, tmp_path, ("svg",), AS_USUAL)
    assert module._drawn(one.packed())
    monkeypatch.setattr(module, "save_prints", warned)
    assert not module._drawn(one.packed())


def test_a_report_with_help_has_the_same_bytes(make_results, monkeypatch):
    folder = make_results({"seeds": 2, "grid": {"training.optimizer.lr": [0.1, 0.2]}})
    reports, started = [], []
    monkeypatch.setattr(foreseen_time, "LONG", 0.0)
    helper = module._Helper
    monkeypatch.setattr(module, "_Helper", lambda: started.append(helper()) or started[-1])
    for jobs in (1, 2):
        report = build_report(folder, formats=["svg"], jobs=jobs).parent
        files = sorted(path for path in report.rglob("*") if path.is_file())
        reports.append({path.relative_to(report): path.read_bytes() for path in files})
    assert reports[0] == reports[1]
    assert len(started) == 1
    assert threading.active_count() < 20


@pytest.mark.parametrize(("jobs", "said"), [(0, r"jobs must be >= 1"), ("two", r"jobs must be a whole number")])
def test_jobs_that_are_none_are_refused(make_results, jobs, said):
    with pytest.raises(InputError, match=said):
        build_report(make_results({"seeds": 1}), formats=(), jobs=jobs)
