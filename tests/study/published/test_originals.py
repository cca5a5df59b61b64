"""[original]: read whole with every problem at once, laid upon the settings, and again after --quick."""

import math
import tomllib

import pytest

from handgrad.data.datasets import from_arrays
from handgrad.errors import StudyFileError
from handgrad.study import make_study
from handgrad.study.planning.plan import Plan
from handgrad.study.planning.split_cache import SplitCache
from handgrad.study.published.items import file_name, slug
from handgrad.study.published.numbers import decimals, published
from handgrad.study.reading.published_reader import read_original
from handgrad.study.reading.setting_refs import SettingRefs

BASE = {
    "name": "study",
    "seeds": 2,
    "grid": {"training": {"optimizer": {"lr": [0.1, 0.2]}}, "network": {"hidden": [8, 16]}},
    "phase": [{"name": "batch size", "grid": {"training": {"batch_size": [10, 20]}}}],
    "quick": {"grid": {"network": {"hidden": [8]}}},
}
COLUMNS = [
    {"head": "Run", "show": "original"},
    {"head": "LR", "show": "training.optimizer.lr"},
    {"head": "Accuracy", "show": "test_accuracy", "unit": "percent"},
]


def rows(*labels, **measures):
    return [{"label": label, "test_accuracy": 90 + i, **measures} for i, label in enumerate(labels)]


def table(**more):
    return {"number": "Table 1", "title": "Accuracy", "columns": COLUMNS, "rows": rows("1", "2", "3", "4"), **more}


def study(*tables, figures=(), overrides=(), quick=False, base=BASE):
    original = {"title": "T", "table": list(tables), "figure": list(figures)}
    return make_study({**base, "original": original}, overrides, quick=quick)


def problems(*tables, figures=(), base=BASE):
    with pytest.raises(StudyFileError) as error:
        study(*tables, figures=figures, base=base)
    return error.value.problems


# -- values


@pytest.mark.parametrize(
    ("given", "unit", "value", "spread", "slack"),
    [
        (98.32, "percent", 0.9832, None, 0.00005),
        ([0.627, 0.371], None, 0.627, 0.371, 0.0005),
        ("≈ 0.90", None, 0.90, None, 0.005),
        (6.5, "min", 390.0, None, 3.0),
        ("nan", None, None, None, 0.5),
    ],
)
def test_what_a_published_value_says(given, unit, value, spread, slack):
    found = published(given, unit)
    assert found.value == (None if value is None else pytest.approx(value))
    assert found.spread == spread
    assert found.slack == pytest.approx(slack)
    assert bool(found.word) == (value is None)


def test_decimals_are_those_that_were_written():
    assert [decimals(n) for n in (98.32, 98.6, 98, 0.001, 1e-5)] == [2, 1, 0, 3, 5]
    assert published(98.6, "percent").printed(2).slack == pytest.approx(0.00005)
    assert published("≈ 98", "percent").printed(2).slack == pytest.approx(0.005)  # read off: it keeps its own


def test_names_of_files():
    assert [file_name(n) for n in ("Table 1", "Fig. 3 / 4", "Text", "  ")] == [
        "table-1", "fig-3-4", "original-text", "original-item",
    ]  # fmt: skip


# -- reading


def test_every_problem_is_said_at_once_with_its_place_and_the_nearest_name():
    wrong = table(
        columns=[{"head": "Run", "show": "original", "width": 3}, {"head": "A", "show": "test_accuracy", "unit": "s"}],
        rows=[{"label": "1", "test_acuracy": 0.9}, {"label": "2", "test_accuracy": 98.3}, {"label": 2, "val_loss": 1}],
    )
    figure = {"number": "Figure 1", "title": "f", "kind": "step-los"}
    options = {"number": "Table 1", "title": "f", "kind": "step-loss", "options": {"smoot": 0.1}}
    _, found = read_original(
        {"titel": "x", "table": [wrong, {"number": "T", "kind": "setings"}], "figure": [figure, options]}
    )
    text = "\n".join(found)
    for line in (
        """original "Table 1".columns "Run".width is an unknown key. Known: head, show, unit, digits, stat""",
        """original "Table 1".rows "1".test_acuracy is an unknown key; did you mean 'test_accuracy'?""",
        """original "T".kind is an unknown kind of table 'setings'; did you mean 'settings'?""",
        """original "Figure 1".kind is an unknown kind of figure 'step-los'; did you mean 'step-loss'?""",
        """original "Table 1".options.smoot is an unknown key; did you mean 'smooth'?""",
        """original "Table 1": its files would be named as those of 'Table 1'; give it another number""",
        """original.titel is an unknown key; did you mean 'title'?""",
    ):
        assert line in text
    assert "original.title is missing" not in text  # it was written, with another letter


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"columns": [{"head": "A", "show": "test_accuracy"}]},
            'rows "1".test_accuracy must be in [0, 1]; if it is in percent, say unit = "percent"; got 90',
        ),
        (
            {"columns": [{"head": "A", "show": "val_accuracy"}]},
            "rows \"1\".test_accuracy is published, but no column shows it; add a column with show = 'test_accuracy'",
        ),
        (
            {"columns": [*COLUMNS, {"head": "s", "show": "seconds", "unit": "percent"}]},
            "columns \"s\".unit of seconds must be s or min; got 'percent'",
        ),
        (
            {"columns": [*COLUMNS, {"head": "σ", "show": "test_accuracy", "stat": "std"}]},
            'columns "σ".unit must be that of the other column of test_accuracy',
        ),
        (
            {"columns": [*COLUMNS, {"head": "N", "show": "network.hidden", "digits": 2}]},
            "columns \"N\": unit, digits and stat belong to measures; show is 'network.hidden'",
        ),
        ({"rows": rows("1", "2", "2", "4")}, 'rows has "2" twice; name each row once'),
        ({"rows": []}, "rows must be a list of tables such as [{ … }, { … }]; got []"),
        (
            {"rows": [{"label": "1", "test_accuracy": "about 90"}]},
            'rows "1".test_accuracy must be a number, [mean, std] with std >= 0, "≈ 0.925", "diverged", "explodes" or '
            '"learns"; got ',
        ),
        (
            {"rows": [{"label": "1", "rank": "bset"}]},
            """rows "1".rank is an unknown rank 'bset'; did you mean 'best'? Known: best, worst""",
        ),
        (
            {"columns": [{"head": "N", "show": "network.hidden"}], "rows": [{"label": "1", "rank": "best"}]},
            'rows "1".rank needs a column that shows an accuracy or a loss, to be judged by',
        ),
        (
            {"rows": [{"label": "1", "rank": "worst"}, {"label": "2", "rank": "worst"}]},
            "rows: every row is said to be worst; take rank out where it is not",
        ),
    ],
)
def test_what_is_wrong_inside_a_table(change, line):
    _, found = read_original({"title": "T", "table": [table(**change)]})
    assert f'original "Table 1".{line}' in "\n".join(found)


def test_an_original_reads_the_same_again_from_what_is_written():
    first = study(
        table(phase=["main", "batch size"], rows=rows("1", "2", "3", "4", "1_1", "1_2"), order=2),
        {"number": "T", "title": "t", "kind": "facts", "rows": [{"label": "a", "setting": "3", "val_loss": math.nan}]},
        figures=[{"number": "F", "title": "f", "kind": "epochs", "settings": [{"network": {"hidden": 8}}], "order": 1}],
    )
    again = make_study(tomllib.loads(first.toml()))
    assert again.spec.original == first.spec.original
    assert [item.number for item in again.spec.original.items] == ["F", "Table 1", "T"]
    assert again.spec.original.table[1].rows[0].val_loss == "nan"


# -- laid upon the settings


def test_rows_and_settings_must_be_as_many():
    (line,) = problems(table(rows=rows("1", "2", "3")))
    assert line == (
        "original \"Table 1\" has 3 rows for 4 settings (4 in 'main'; a setting that is there twice counts once); "
        "give every setting its row, in order, and say run = false in a row that this study does not run"
    )
    assert study(table(rows=[*rows("1", "2", "3", "4"), {"label": "5", "run": False}]))


def test_a_setting_that_is_there_twice_has_one_row():
    base = {"name": "x", "training": {"epochs": 10}, "one_factor": {"training": {"epochs": [10, 25]}}}
    columns = [{"head": "Run", "show": "original"}]
    there = table(columns=columns, rows=[{"label": "base"}, {"label": "25"}])
    places = SettingRefs(study(there, base=base))
    assert [dict(place.axes) for place in places.rows(places.original.table[0])] == [{}, {"training.epochs": 25}]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"phase": "bach size"}, "phase is an unknown phase 'bach size'; did you mean 'batch size'?"),
        (
            {
                "columns": [{"head": "LR", "show": "training.optimiser.lr"}],
                "rows": [{"label": str(i)} for i in range(4)],
            },
            "columns \"LR\".show is an unknown column 'training.optimiser.lr'; did you mean 'training.optimizer.lr'? "
            "Known: original, reproduced, ",
        ),
    ],
)
def test_what_does_not_fit_the_study(change, line):
    (found,) = problems(table(**change))
    assert found.startswith(f'original "Table 1".{line}')


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("5", "setting is an unknown setting '5'. Known: winner, 1, 2, 3, 4"),
        ({"training": {"epochs": 3}}, "setting has an unknown axis 'training.epochs'. Known: training.optimizer.lr"),
        ({"network": {"hidden": 32}}, 'setting must be a setting of phase "main"; none has network.hidden = 32'),
        ({"network": {"hidden": 8}}, 'setting must be one setting; phase "main" has 2'),
        (None, 'setting is missing: name one; phase "main" has 4'),
    ],
)
def test_a_fact_is_of_one_setting(setting, line):
    row = {"label": "a", "test_accuracy": 0.9} | ({} if setting is None else {"setting": setting})
    (found,) = problems(table(), {"number": "T", "title": "t", "kind": "facts", "rows": [row]})
    assert found.startswith(f'original "T".rows "a".{line}')


@pytest.mark.parametrize(
    ("figure", "line"),
    [
        ({"kind": "confusion", "settings": ["1", "2"]}, "settings: a figure of kind confusion shows 1; got 2"),
        ({"kind": "epochs", "settings": ["1", "7"]}, "settings is an unknown setting '7'"),
        (
            {"kind": "epochs", "settings": ["1", "2"], "published": {"val_accuracy": 0.9}},
            "published is of one setting and the figure shows 2; name each",
        ),
        (
            {"kind": "epochs", "settings": ["1", "2"], "published": {"3": {"val_accuracy": 0.9}}},
            "published is an unknown setting of the figure '3'. Known: 1, 2",
        ),
        (
            {"kind": "epochs", "published": {"val_accuracy": 92}},
            "published.val_accuracy must be in [0, 1]; if it is in",
        ),
    ],
)
def test_a_figure_shows_settings_that_are_there(figure, line):
    found = problems(table(), figures=[{"number": "F", "title": "f", **figure}])
    assert found[0].startswith(f'original "F".{line}')


def test_settings_are_named_by_variant_and_winner():
    base = {"name": "x", "variant": {"Fig. 3": {"training": {"epochs": 5}}, "Fig. 4": {"training": {"epochs": 7}}}}
    places = SettingRefs(make_study({**base, "original": {"title": "T"}}))
    (there,) = places.find("Fig. 4", ["main"])
    assert dict(there.axes) == {"variant": "Fig. 4"}
    (winner,) = places.find("winner", ["main"])
    assert winner.axes is None
    assert len(places.find(None, ["main"])) == 3


def test_a_label_of_two_tables_is_that_of_the_phase_asked_for():
    later = table(number="Table 2", phase="batch size", rows=rows("1", "2"))
    places = SettingRefs(study(table(), later))
    assert [places.find("1", [phase])[0].phase for phase in ("batch size", "main")] == ["batch size", "main"]
    assert places.find("3", ["batch size"])[0].phase == "main"


def test_numbers_that_are_equal_name_the_same_setting():
    places = SettingRefs(make_study({"name": "x", "grid": {"training": {"optimizer": {"lr": [1.0, 2.0]}}}}))
    (there,) = places.find({"training.optimizer.lr": 2}, ["main"])
    assert there.axes == {"training.optimizer.lr": 2.0}


def test_classes_are_checked_when_the_plan_is_made():
    data = from_arrays([[0.0], [1.0]] * 20, ["a", "b"] * 20, name="mine")
    counts = {
        "number": "Table 1", "title": "t", "kind": "labels", "columns": [{"head": "Label", "show": "class"}],
        "rows": [{"label": "A", "train": 5}, {"label": "b"}, {"label": "sum"}],
    }  # fmt: skip
    matrix = {"number": "M", "title": "m", "kind": "confusion", "rows": [{"actual": "a", "predicted": 3, "percent": 5}]}
    made = make_study({"name": "x", "data": {"name": "mine"}, "original": {"title": "T", "table": [counts, matrix]}})
    with pytest.raises(StudyFileError) as error:
        Plan(made, SplitCache(made.folder, data))
    assert error.value.problems == [
        """original "Table 1".rows "A" is an unknown class 'A'; did you mean 'a'? Known: a, b, sum""",
        """original "M".rows has an unknown class '3'. Known: a, b""",
    ]


# -- after --quick and key=value


def run_of(made):
    return [(row.label, row.run) for row in made.spec.original.table[0].rows]


def test_quick_leaves_rows_out_and_never_moves_a_number_to_another_setting():
    figure = {"number": "F", "title": "f", "kind": "epochs", "settings": [{"network": {"hidden": 16}}]}
    small = study(table(), figures=[figure], quick=True)
    assert run_of(small) == [("1", True), ("2", False), ("3", True), ("4", False)]
    assert not small.spec.original.figure[0].run
    places = SettingRefs(small)
    there = places.rows(small.spec.original.table[0])
    assert [place and place.axes["training.optimizer.lr"] for place in there] == [0.1, None, 0.2, None]
    assert make_study(tomllib.loads(small.toml())).spec.original == small.spec.original


def test_other_values_of_an_axis_have_no_published_number():
    other = study(table(), overrides=["grid.training.optimizer.lr=[0.2, 0.5]"])
    assert run_of(other) == [("3", True), ("4", True), ("new 3", True), ("new 4", True), ("1", False), ("2", False)]
    assert other.spec.original.table[0].rows[2].measures == {}


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (["training.epochs=1"], ["training.epochs=1"]),
        (["data.name=elsewhere", "seeds=3"], ["data.name=elsewhere"]),
        (["training.engine=array", "ddof=0", "budget.runs=3", "grid.network.hidden=[8]"], []),
        (["training.optimizer={name='adam'}", "training.optimizer.beta1=0.8"],) * 2,
        (["training.epochs=7"], []),  # as it was
        (["phase.later.grid.training.batch_size=[8]"], []),
        (["phase.later.set.network.hidden=8"], ["phase.later.set.network.hidden=8"]),
        ([], []),
    ],
)
def test_what_the_command_line_makes_another_study_is_kept(given, changed):
    phase = {"name": "later", "set": {"network": {"hidden": 4}}, "grid": {"training": {"batch_size": [4]}}}
    made = make_study({**BASE, "training": {"epochs": 7}, "phase": [phase]}, given)
    assert list(made.changed) == changed


def test_the_plan_holds_the_changes():
    assert Plan(make_study(BASE, ["training.epochs=1", "seeds=1"])).to_json()["changed"] == ["training.epochs=1"]


def test_changes_that_vary_nothing_leave_the_original_as_it_is():
    assert run_of(study(table(), overrides=["training.epochs=1"])) == [(label, True) for label in "1234"]


def test_a_long_name_and_another_alphabet_keep_names_apart():
    assert slug("T" * 60) == "t" * 60
    one, other = slug("T" * 400), slug("T" * 401)
    assert one != other
    assert one.startswith("t" * 50 + "-")
    assert len(one) == 59
    assert slug("犬") != slug("猫")
    assert slug("Loss of café") != slug("Loss of caf")
    assert slug("28 × 28, Σ") != slug("28 × 28, Δ")


# -- classes of examples


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"actual": ["1"], "predicted": ["1", "2"]}, "actual and predicted must have a class for each of the same"),
        ({"actual": [], "predicted": ["1"]}, "actual must be a list with the class of every example"),
        ({"kind": "epochs", "actual": ["1"], "predicted": ["1"]}, "actual and predicted belong to figures of kind pre"),
    ],
)
def test_published_classes_that_do_not_fit_are_refused(more, text):
    figure = {"number": "Fig. 1", "title": "F", "kind": "predictions", "settings": "winner", **more}
    assert any(text in line for line in problems(table(), figures=[figure]))
