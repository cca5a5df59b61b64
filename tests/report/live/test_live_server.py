"""The server of the live page: what it answers, to whom, and when it ends."""

import http.client
import json
import re
import socket
import threading
import time

import pytest

from handgrad.errors import InputError, ResultsError
from handgrad.report.live import live_report, watching
from handgrad.report.live.live_report import LiveReport
from handgrad.report.live.live_server import serving
from tests.report.live.running import RunningStudy


@pytest.fixture
def study(make_results, tmp_path, monkeypatch):
    monkeypatch.setattr(live_report, "BETWEEN", 0.0)
    monkeypatch.setattr(live_report, "SHARE", 1.0)
    with RunningStudy(make_results(), tmp_path / "running") as running:
        yield running


@pytest.fixture(scope="module")
def served():
    """A server whose report is two files, and how to ask it."""
    report = LiveReport(live_report.Path("results/x"))
    files = {"index.html": b"<p>report</p>", "tables/summary.csv": b"a,b\n"}
    report.snapshot = live_report.Snapshot(3, files, "the study is running")
    with serving(report) as server:

        def ask(path, method="GET", host=None, extra=()):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
            connection.putrequest(method, path, skip_host=True)
            for name in [f"127.0.0.1:{server.server_port}"] if host is None else host:
                connection.putheader("Host", name)
            for name, value in extra:
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer, content

        ask.port = server.server_port
        yield ask


def test_it_serves_its_page_the_status_and_the_files_of_the_report(served):
    answer, page = served("/")
    policy = answer.headers["Content-Security-Policy"]
    assert answer.status == 200
    assert b"x (live)" in page
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    answer, content = served("/status")
    assert json.loads(content) == {
        "version": 3,
        "message": "the study is running",
        "problem": "",
        "over": False,
        "stays": False,
    }
    answer, content = served("/report/index.html?version=3")
    assert (answer.status, content) == (200, b"<p>report</p>")
    assert "connect-src" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"] is None
    answer, content = served("/report/tables/summary.csv")
    assert (content, answer.headers["Content-Disposition"]) == (b"a,b\n", "attachment")
    for name, value in {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}.items():
        assert answer.headers[name] == value
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_localhost_is_this_machine(served):
    assert served("/", host=[f"localhost:{served.port}"])[0].status == 200


@pytest.mark.parametrize(
    "names", [["evil.example:{port}"], ["127.0.0.1"], ["127.0.0.1:1"], [], ["127.0.0.1:{port}", "evil.example"]]
)
def test_a_request_by_another_name_gets_nothing(served, names):
    answer, content = served("/status", host=[name.format(port=served.port) for name in names])
    assert answer.status == 421
    assert b"version" not in content


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_get_is_answered(served, method):
    answer, content = served("/status", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    assert b"version" not in content


@pytest.mark.parametrize(
    "path",
    [
        "/report/../../etc/passwd", "/report/..%2f..%2fetc/passwd", "/../etc/passwd", "//etc/passwd", "/report/",
        "/report", "/report//etc/passwd", "/report/%2e%2e/plan.json", "/index.html", "/plan.json", "/report/tables",
        "http://127.0.0.1/etc/passwd",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_report(served, path):
    assert served(path)[0].status == 404


def test_it_listens_on_this_machine_alone_and_on_a_port_of_its_own(served):
    said = rf"port {served.port} of 127\.0\.0\.1 cannot be used \(.*choose another one"
    with pytest.raises(InputError, match=said), serving(LiveReport(live_report.Path("x")), served.port):
        pass
    with socket.create_connection(("127.0.0.1", served.port)) as used:
        assert used.getpeername()[0] == "127.0.0.1"


def watched(folder, **options):
    """`watch` in a thread -> (it, what it says, its address)."""
    said = []
    thread = threading.Thread(target=watching.watch, args=(folder,), kwargs={"say": said.append, **options})
    thread.start()
    while not said and thread.is_alive():
        time.sleep(0.01)
    return thread, said, int(re.findall(r":(\d+)/$", said[0])[0])


def status(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/status")
    return json.loads(connection.getresponse().read())


def until(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_two_watch_one_study_and_both_end_with_it(study, monkeypatch):
    """Neither writes into the folder, nor keeps the study from it."""
    monkeypatch.setattr(watching, "EVERY", 0.05)
    monkeypatch.setattr(watching, "NOBODY", 0.2)
    first, second = watched(study.folder), watched(study.folder)
    assert first[2] != second[2]
    study.finish(2)
    study.begin(5)
    message = "The study is running, 2 of 12 runs have ended, 1 more has begun"
    until(lambda: all(status(port)["message"] == message for _, _, port in (first, second)))
    before = {path.relative_to(study.folder).as_posix() for path in study.folder.rglob("*")}
    assert not {name for name in before if name.startswith(("report", ".report"))}
    study.end()
    for thread, said, _ in (first, second):
        thread.join(300)
        assert not thread.is_alive()
        report = (study.folder / "report" / "index.html").resolve()
        assert said[-1] == f"The study is over, 12 of 12 runs have ended. Its report goes to {report}"


def test_a_page_that_is_open_gets_the_last_report_before_the_server_ends(study, monkeypatch):
    monkeypatch.setattr(watching, "EVERY", 0.05)
    thread, _, port = watched(study.folder)
    study.end()
    until(lambda: status(port)["over"])  # it asks as long as it has not been told
    thread.join(300)
    assert not thread.is_alive()


def test_a_study_that_is_killed_ends_its_server_too(study, monkeypatch):
    monkeypatch.setattr(watching, "EVERY", 0.05)
    monkeypatch.setattr(watching, "NOBODY", 0.1)
    monkeypatch.setattr(watching, "FIRST", 0.0)
    study.finish(1)
    thread, said, _ = watched(study.folder)
    study.held.close()
    thread.join(300)
    assert said[-1] == (
        "The study was interrupted, 1 of 12 runs has ended. The command that ran it continues it. A report of what is "
        f"there: handgrad report {study.folder}"
    )


def test_a_study_that_ends_before_its_page_was_opened_is_shown_a_while(study, monkeypatch):
    monkeypatch.setattr(watching, "EVERY", 0.05)
    monkeypatch.setattr(watching, "NOBODY", 0.1)
    thread, said, port = watched(study.folder)
    study.end()
    until(lambda: len(said) == 3)
    assert said[1] == "It was over before its page was opened, which stays there for 15 s"
    assert said[2].startswith("The study is over, 12 of 12 runs have ended. Its report")
    time.sleep(0.5)  # longer than for a page that was closed
    assert thread.is_alive()
    assert status(port)["over"]
    thread.join(10)
    assert not thread.is_alive()


def test_a_watcher_outlives_its_study_in_silence_and_an_interrupt_ends_only_the_wait(study, monkeypatch):
    class Told:
        def send(self, text):
            raise BrokenPipeError

    class Waited:
        def join(self, seconds):
            raise KeyboardInterrupt

        is_alive, ended = staticmethod(lambda: True), False

        def terminate(self):
            self.ended = True

    monkeypatch.setattr(watching.signal, "signal", lambda number, does: None)
    monkeypatch.setattr(watching, "NOBODY", 0.1)
    study.end()
    watching._watch_beside(study.folder, 0, False, Told())
    watcher = watching.Watcher(0, False, print)
    watcher._process = Waited()
    watcher.end()
    assert watcher._process.ended


def test_a_page_gets_the_report_that_it_was_told_of(study):
    report = LiveReport(study.folder)
    seen = []
    for _ in range(live_report.KEPT + 1):
        study.finish(1)
        assert report.look()
        seen.append(report.snapshot)
    assert [report.at(str(one.version)) for one in seen] == [seen[-1], *seen[1:]]
    assert report.at("") == report.at("nothing") == seen[-1]


def test_a_study_that_was_over_before_is_shown_until_an_interrupt(make_results, monkeypatch):
    def interrupted(seconds):
        asked.append(status(int(re.findall(r":(\d+)/$", said[0])[0])))
        raise KeyboardInterrupt

    said, asked = [], []
    monkeypatch.setattr(watching.time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        watching.watch(make_results(), say=said.append)
    assert said[1] == "Its study is not running (done): nothing more comes. Ctrl-C ends this server"
    assert (asked[0]["over"], asked[0]["stays"]) == (True, True)  # a page does not say that its server has ended


def test_what_is_wrong_with_the_results_is_said_and_the_last_report_stays(study):
    report = LiveReport(study.folder)
    study.finish(1)
    assert report.look()
    assert not report.look()  # nothing has changed
    page = report.snapshot.files["index.html"]
    (study.folder / "runs" / study.plan["phases"][0]["settings"][0]["runs"][0]["id"] / "record.json").write_text("{")
    study.finish(1)
    assert report.look()
    assert report.snapshot.version == 1
    assert "record.json" in report.snapshot.problem
    assert report.snapshot.files["index.html"] == page
    (study.folder / "plan.json").unlink()
    looks = [report.look() for _ in range(live_report.LOST + 1)]
    assert looks[-1]
    assert report.snapshot.over  # a folder that is gone ends the server
    assert report.snapshot.message == f"{study.folder} holds no results of a study any more: nothing more comes"


def test_there_must_be_results(tmp_path):
    with pytest.raises(ResultsError, match="no results of a study here"):
        watching.watch(tmp_path)
