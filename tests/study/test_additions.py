"""What is put into a public table of studies from outside works in a study at once; names that are not there do not."""

import dataclasses
from typing import ClassVar

import pytest

from handgrad.errors import InputError, StudyFileError
from handgrad.report import build_report
from handgrad.report.reproduced.item_table import ItemTable
from handgrad.report.tables.table import Column, Row, Table, cell
from handgrad.sections import Section
from handgrad.study import Results, load_study, run_study
from handgrad.study.execution.choose_runner import RUNNERS, RunnerChoice, open_runner
from handgrad.study.folder.decisions import read_decisions
from handgrad.study.published.items import PublishedTable
from handgrad.study.published.published_tables import TABLES
from handgrad.study.rules.samplers import DISTRIBUTIONS, SAMPLERS, Distribution, Sampler
from handgrad.study.rules.search_rules import RULES, SearchRule
from handgrad.study.runners.runner import Serial

ASHA = {"grace_period": 1, "reduction_factor": 2, "metric": "val_loss", "rule": "best-half"}
RANGE = {"training.optimizer.lr": {"log_uniform": [1e-3, 1.0]}}


class BestHalf(SearchRule):
    """A rule of another kind: nothing goes on before four settings are there, then the better half does."""

    chosen = "is in the better half"

    def promotable(self):
        return self.best_waiting(lambda rung: len(self.rungs[rung]) // 2 if len(self.rungs[rung]) >= 4 else 0)


class Halving:
    """A sequential sampler: begins at the upper end of each range and halves what was drawn before."""

    told: ClassVar[list] = []

    def __init__(self, sampling, maximize):
        self.path, _, (self.low, self.next) = sampling.ranges[0]
        self.number = -1

    def ask(self):
        self.number, drawn, self.next = self.number + 1, self.next, self.next / 2
        return self.number, {self.path: drawn}

    def replay(self, parameters):
        assert self.ask()[1] == parameters

    def drew(self, setting):
        pass

    def tell(self, setting, epoch, value, *, last):
        self.told.append((setting, epoch, last))


def thirds(sampling, phase):
    """Every draw at once, before the study runs."""
    path, _, (low, high) = sampling.ranges[0]
    return [{path: low + (high - low) * (draw + 1) / (sampling.runs + 1)} for draw in range(sampling.runs)]


def test_a_rule_from_outside_stops_runs_and_its_study_is_read_again(make, tmp_path, monkeypatch):
    monkeypatch.setitem(RULES, "best-half", BestHalf)
    study = make(training={"batch_size": 20, "epochs": 4}, asha=ASHA, grid={"training.optimizer.lr": [0.1, 0.3, 0.01]})
    results = run_study(study, tmp_path, jobs=1)
    assert any("about one in 2 is in the better half" in note for note in results.plan["notes"])
    assert sorted(results.settings()["pruned"]) == [
        0,
        2,
        2,
    ]  # of three settings none goes on but the leader, to its end
    assert Results.open(tmp_path).study.spec.asha.rule == "best-half"
    (tmp_path / "study.toml").write_bytes(study.toml().encode())
    assert load_study(tmp_path / "study.toml").phases[0].asha == study.spec.asha


class AgainAndAgain(SearchRule):
    """A rule with a mistake: it names a setting that has gone on already."""

    def promotable(self):
        return next(iter(self.rungs.get(0, ())), None)


def test_a_rule_that_lets_a_setting_go_on_twice_is_told_so(make, tmp_path, monkeypatch):
    monkeypatch.setitem(RULES, "again", AgainAndAgain)
    study = make(training={"batch_size": 20, "epochs": 2}, asha=ASHA | {"rule": "again"})
    with pytest.raises(
        InputError,
        match=r"^search rule 'again' \(AgainAndAgain\) lets setting '1' go on, which has come to its end, epoch 2; "
        r"promotable must name a setting that waits at a rung, or None$",
    ):
        run_study(study, tmp_path, jobs=1)


def test_a_rule_without_promotable_is_refused_when_the_study_is_read(make, monkeypatch):
    monkeypatch.setitem(RULES, "silent", type("Silent", (SearchRule,), {"__module__": __name__}))
    with pytest.raises(StudyFileError, match=r"must be a complete rule; Silent, of 'silent', has no method promotable"):
        make(asha=ASHA | {"rule": "silent"})


def test_a_sequential_sampler_from_outside_draws_and_is_told(make, tmp_path, monkeypatch):
    monkeypatch.setitem(SAMPLERS, "halving", Sampler(sequential=Halving))
    monkeypatch.setattr(Halving, "told", [])
    study = make(grid=None, random={"runs": 3, "sampler": "halving", **RANGE})
    results = run_study(study, tmp_path, jobs=1)
    assert results.settings()["training.optimizer.lr"].tolist() == [1.0, 0.5, 0.25]
    assert Halving.told == [("1", 3, True), ("2", 3, True), ("3", 3, True)]
    events, _ = read_decisions(tmp_path / "decisions" / "0.jsonl")
    assert [event["number"] for event in events if event["event"] == "asked"] == [0, 1, 2]
    assert run_study(study, tmp_path, jobs=1).winner() == results.winner()  # replayed


def test_a_sampler_from_outside_lists_its_settings_before_the_study_runs(make, tmp_path, monkeypatch):
    monkeypatch.setitem(SAMPLERS, "thirds", Sampler(draw=thirds))
    study = make(grid=None, random={"runs": 2, "sampler": "thirds", "training.optimizer.lr": {"uniform": [0, 0.3]}})
    assert [choice.changes for choice in study.phases[0].choices] == [
        {"training.optimizer.lr": pytest.approx(0.1)},
        {"training.optimizer.lr": pytest.approx(0.2)},
    ]
    assert run_study(study, tmp_path, jobs=1).state == "done"


def test_a_range_from_outside_is_drawn_from_or_refused_by_name(make, monkeypatch):
    normal = Distribution(
        lambda rng, written: float(rng.normal(*written)), lambda written: None if len(written) == 2 else "needs [m, s]"
    )
    monkeypatch.setitem(DISTRIBUTIONS, "normal", normal)
    wanted = {"runs": 3, "network.dropout": {"normal": [0.5, 0.01]}}
    drawn = make(grid=None, random=wanted).phases[0].choices
    assert len({choice.changes["network.dropout"] for choice in drawn}) == 3
    with pytest.raises(StudyFileError, match=r"random.network.dropout: needs \[m, s\]; got \[1\]"):
        make(grid=None, random={"network.dropout": {"normal": [1]}})
    with pytest.raises(
        StudyFileError,
        match=r"random.network.dropout: the sampler 'tpe' draws from uniform, log_uniform, integers, choice, not from "
        r"'normal'; take one of them, or random.sampler = \"random\"",
    ):
        make(grid=None, random=wanted | {"sampler": "tpe"})


def test_a_sampler_whose_library_is_missing_says_what_to_install(make, monkeypatch):
    monkeypatch.setitem(SAMPLERS, "far", Sampler(sequential=Halving, library="faraway", install="faraway"))
    with pytest.raises(
        StudyFileError,
        match=r"random.sampler = 'far' needs faraway, which is not installed here; pip install faraway, or",
    ):
        make(grid=None, random={"sampler": "far", **RANGE})


class Remark(Section):
    label: str


class RemarksTable(PublishedTable):
    """A table of words alone, which is right where no remark is empty."""

    row = Remark

    kind: str = "remarks"
    rows: tuple[Remark, ...]

    def part_problems(self):
        return [f"{self.where}.rows has an empty remark" for row in self.rows if not row.label]


def remarks(summary, item):
    rows = tuple(Row((cell(row.label),)) for row in item.rows)
    return ItemTable(Table(item.file, item.title, "", (Column("remark"),), rows), (), {})


def test_a_kind_of_table_from_outside_is_read_and_shown(make, tmp_path, monkeypatch):
    def original(**rows):
        table = {"kind": "remarks", "number": "Table 9", "title": "Said", "rows": [{"label": "it learns", **rows}]}
        return {"title": "T", "table": [table]}

    with pytest.raises(StudyFileError, match=r'original "Table 9".kind is an unknown kind of table .remarks.'):
        make(original=original())
    monkeypatch.setitem(TABLES, "remarks", RemarksTable)
    with pytest.raises(StudyFileError, match=r"no report can show 'remarks'; give its class, RemarksTable, a maker"):
        make(original=original())
    monkeypatch.setattr(RemarksTable, "maker", remarks)
    with pytest.raises(StudyFileError, match=r'original "Table 9".rows has an empty remark'):
        make(original=original(label=""))
    with pytest.raises(StudyFileError, match=r'original "Table 9".rows "it learns".lable is an unknown key'):
        make(original=original(lable=""))
    results = run_study(make(original=original()), tmp_path, jobs=1)
    assert "<td>it learns</td>" in build_report(results).read_text("utf-8")


def test_a_runner_from_outside_runs_a_study_by_its_name(make, tmp_path, monkeypatch):
    class Own(Serial):
        name = "own"

    monkeypatch.setitem(RUNNERS, "own", RunnerChoice(lambda jobs: Own()))
    assert run_study(make(), tmp_path, runner="own").plan["execution"]["runner"] == "own"
    with pytest.raises(InputError, match="address is for the runner ray"):
        open_runner(None, "own", address="head:6379")


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"asha": ASHA}, "asha.rule is an unknown rule 'best-half'. Known: promote, stop"),
        (
            {"grid": None, "random": {"sampler": "halving", **RANGE}},
            "random.sampler is an unknown sampler 'halving'. Known: random, tpe, qmc",
        ),
    ],
)
def test_a_name_that_is_not_there_is_refused_before_anything_runs(make, tables, said):
    with pytest.raises(StudyFileError) as raised:
        make(**tables)
    assert said in str(raised.value)


def test_a_name_that_is_taken_out_again_is_refused_when_its_results_are_read(make, tmp_path, monkeypatch):
    monkeypatch.setitem(RULES, "best-half", BestHalf)
    run_study(make(asha=ASHA), tmp_path, jobs=1)
    monkeypatch.undo()
    with pytest.raises(StudyFileError, match=r"asha.rule is an unknown rule 'best-half'"):
        _ = Results.open(tmp_path).study


@pytest.mark.parametrize("record", [*SAMPLERS.values(), *DISTRIBUTIONS.values(), *RUNNERS.values()])
def test_records_are_frozen(record):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, dataclasses.fields(record)[0].name, None)
