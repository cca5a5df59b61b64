"""What a change reaches: none is without effect in silence, and every refusal names the change that does the job."""

import pytest

from handgrad.errors import InputError, StudyFileError
from handgrad.study import load_study, make_study

LR = {"training": {"optimizer": {"lr": [0.1, 0.2]}}}
DOTTED = {"training.optimizer.lr": [1, 2]}
BUNDLES = {
    "case": {
        "R": {"network": {"activation": "relu"}, "training": {"epochs": 3}},
        "T": {"network": {"activation": "tanh"}},
    }
}


def made(overrides=(), **tables):
    return make_study({"name": "x", **tables}, overrides, where="s.toml")


@pytest.mark.parametrize(
    ("tables", "override", "remedy"),
    [
        (
            {"grid": LR},
            "training.optimizer.lr=0.7",
            "grid says it in every setting; write grid.training.optimizer.lr=[0.7]",
        ),
        ({"grid": LR}, "training.optimizer.learning_rate=0.7", "write grid.training.optimizer.lr=[0.7]"),
        (
            {"grid": {"training.optimizer.lr": [1, 2]}},
            "training.optimizer.lr=3",
            "write grid.training.optimizer.lr=[3]",
        ),
        ({"grid": {"network": {"hidden": [8, 16]}}}, "network.hidden=99", "write grid.network.hidden=[99]"),
        (
            {"grid": {"training": {"optimizer": ["adam", {"name": "sgd", "lr": 1}]}}},
            "training.optimizer.lr=0.7",
            "change it there, in grid.training.optimizer",
        ),
        ({"grid": {"training": {"optimizer": ["adam", "sgd"]}}}, "training.optimizer.name=sgd", "write grid.training."),
        (
            {"grid": {"network": {"layers": [["dense 10 softmax"], ["dense 5 relu", "dense 10 softmax"]]}}},
            "network.hidden=5",
            "change it there, in grid.network.layers",
        ),
        (
            {"bundle": BUNDLES},
            "network.activation=sigmoid",
            'write bundle.case."R".network.activation=sigmoid, and so for bundle.case."T"',
        ),
        (
            {"random": {"training": {"optimizer": {"lr": {"uniform": [0.1, 0.2]}}}}},
            "training.optimizer.lr=0.3",
            "write random.training.optimizer.lr.choice=[0.3]",
        ),
    ],
)
def test_a_change_that_reaches_no_setting_is_refused_with_the_one_that_does(tables, override, remedy):
    with pytest.raises(StudyFileError) as refused:
        made([override], **tables)
    (line,) = refused.value.problems
    assert line.startswith(f"{override.split('=')[0]} has no effect: ")
    assert remedy in line
    assert line.endswith("(given on the command line)")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("tables", "override", "settings"),
    [
        ({"grid": LR}, "grid.training.optimizer.lr=[0.7]", [{"training.optimizer.lr": 0.7}]),
        ({"grid": {"training.optimizer.lr": [1, 2]}}, "grid.training.optimizer.lr=[3]", [{"training.optimizer.lr": 3}]),
        (
            {"random": {"runs": 1, "training": {"optimizer": {"lr": {"uniform": [0.1, 0.2]}}}}},
            "random.training.optimizer.lr.choice=[0.3]",
            [{"training.optimizer.lr": 0.3}],
        ),
        ({}, "training.optimizer.lr=0.2", [{}]),
    ],
)
def test_what_the_refusal_says_does_the_job(tables, override, settings):
    study = made([override], **tables)
    assert [choice.changes for choice in study.phases[0].choices] == settings
    assert study.notes == ()


def test_a_key_of_an_optimizer_that_the_file_does_not_name_is_of_the_default_s():
    for tables in ({}, {"training": {"epochs": 3}}):
        study = made(["training.optimizer.lr=0.2", "network.init.gain=2"], **tables)
        assert (study.spec.training.optimizer.name, study.spec.training.optimizer.lr) == ("sgd", 0.2)
        assert (study.spec.network.init.name, study.spec.network.init.gain) == ("he", 2)
    with pytest.raises(StudyFileError, match=r"training\.optimizer\.beta1 is an unknown key: .* Known: lr, name"):
        made(["training.optimizer.beta1=0.2"])


def test_a_range_of_the_command_line_replaces_the_file_s_and_leaves_bundles_alone():
    bundles = {"bundle": {"init": {"uniform": {"network": {"init": "he"}}, "b": {"network": {"init": "xavier"}}}}}
    study = made(["bundle.init.uniform.network.init=zeros"], **bundles)
    assert [choice.axes["init"] for choice in study.phases[0].choices] == ["uniform", "b"]
    phase = {"name": "p", "random": {"runs": 2, "training": {"epochs": {"integers": [1, 5]}}}}
    study = made(["phase.p.random.training.epochs.choice=[7]"], phase=[phase])
    assert [choice.changes for choice in study.phases[1].choices] == [{"training.epochs": 7}] * 2


def test_a_change_that_reaches_some_settings_only_says_so():
    assert made(["training.epochs=5"], bundle=BUNDLES).notes == (
        'training.epochs=5 does not reach every setting: bundle.case."R" says it as well',
    )
    later = {"name": "long", "continue": True, "set": {"training": {"epochs": 9}}}
    assert made(["training.epochs=5"], phase=[later]).notes == (
        "training.epochs=5 does not reach phase long, which sets it by itself",
    )
    one_factor = {"training": {"epochs": [5, 6]}}
    assert "does not reach every setting: one_factor" in made(["training.epochs=3"], one_factor=one_factor).notes[0]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        (
            'training.optimizer={name="adam",lr=0.5}',
            "training.optimizer.lr has no effect: grid says it in every setting; write "
            "grid.training.optimizer.lr=[0.5]",
        ),
        (
            "network={hidden=[9,9]}",
            "network.hidden has no effect: grid says it in every setting; write grid.network.hidden=[[9, 9]]",
        ),
        ("grid={}", "grid has no effect: {} takes nothing away; say what is to stay, as in grid.network.hidden=[300]"),
    ],
)
def test_a_part_of_a_change_that_reaches_no_setting_is_refused_too(override, line):
    grid = LR | {"network": {"hidden": [8, 16]}}
    with pytest.raises(StudyFileError) as raised:
        made([override], grid=grid)
    assert [one.removesuffix(" (given on the command line)") for one in raised.value.problems] == [line]
    study = made(['training.optimizer={name="adam",beta1=0.5}'], grid=grid)
    assert study.base["training"]["optimizer"] == {"name": "adam", "beta1": 0.5}


def test_a_key_that_is_given_twice_is_refused():
    with pytest.raises(StudyFileError, match=r"training\.epochs is given twice: training\.epochs=3 has no effect"):
        made(["training.epochs=3", "training.epochs = 4"])
    assert made(["training.epochs=3", "training.batch_size=4", "seeds=2"]).notes == ()


@pytest.mark.parametrize("override", ["quick.seeds=1", "made.quick=true"])
def test_tables_that_no_change_can_reach_say_so(override):
    with pytest.raises(StudyFileError, match=f"{override.partition('=')[0]} has no effect: "):
        made([override], quick={"training": {"epochs": 1}})


def test_what_stands_in_the_file_for_nothing_is_noted():
    study = made(network={"activation": "sigmoid", "hidden": 5}, bundle=BUNDLES)
    assert study.notes == (
        'network.activation of the base setting has no effect: bundle.case."R", bundle.case."T" says it',
    )
    phase = {"name": "p", "set": {"training": {"epochs": 9}}, "grid": {"training": {"epochs": [3, 4]}}}
    assert made(phase=[phase]).notes == (
        'phase "p".set.training.epochs has no effect: what varies there says it every time',
    )
    small = make_study({"name": "x", "grid": LR, "quick": {"training": {"optimizer": {"lr": 3}}}}, quick=True)
    assert small.notes == ("quick.training.optimizer.lr has no effect: grid says it in every setting",)
    assert (
        made(training={"optimizer": {"name": "sgd", "lr": 1}}, grid=LR).notes == ()
    )  # a value that stands for the axis


@pytest.mark.parametrize("path", ["data.validation.seed", "data.validation.size", "data.test.seed", "data.test.size"])
def test_an_axis_that_changes_the_examples_is_noted(path):
    values = [1, 2] if path.endswith("seed") else [0.1, 0.2]
    (note,) = made(grid={path: values}).notes
    assert note.startswith(f"{path} varies, which is no hyperparameter: its settings are judged on different examples")
    assert made(grid={"data.scale": ["unit", "standard"]}).notes == ()


def test_a_key_that_is_written_twice_in_a_grid_is_refused():
    with pytest.raises(StudyFileError, match=r"grid\.training\.epochs is written twice, as a table and"):
        made(grid={"training.epochs": [1], "training": {"epochs": [2]}})


def test_a_bundle_with_a_dot_in_its_name_is_a_name():
    study = made(bundle={"v1.2": {"a.b": {"training": {"epochs": 1}}, "c": {"training": {"epochs": 2}}}})
    assert [choice.axes for choice in study.phases[0].choices] == [{"v1.2": "a.b"}, {"v1.2": "c"}]
    for name in ("training.epochs", "data.x", "variant"):
        with pytest.raises(StudyFileError, match="is named like a key of the setting; give these bundles another name"):
            made(bundle={name: {"a": {"training": {"epochs": 1}}}})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            "variant.Adam.training.optimizer.lr=0.7",
            "variant.Adam is an unknown name 'Adam'; did you mean 'adam'? Known: adam",
        ),
        ("bundle.case.B.network.hidden=9", "bundle.case.B is an unknown name 'B'. Known: A"),
        (
            "bundle.cases.A.network.hidden=9",
            "bundle.cases is an unknown name 'cases'; did you mean 'case'? Known: case",
        ),
    ],
)
def test_a_change_adds_no_variant_and_no_bundle(change, text):
    tables = {"name": "a", "data": {"name": "digits"}}
    if change.startswith("variant"):
        tables["variant"] = {"adam": {"training": {"optimizer": {"name": "adam"}}}}
    else:
        tables["bundle"] = {"case": {"A": {"network": {"hidden": 3}}}}
    with pytest.raises(StudyFileError) as caught:
        make_study(tables, [change])
    assert f"the command line: {text}. A new one is written into the file" in str(caught.value)


def test_a_study_file_named_without_its_ending_is_offered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b10.toml").write_text("")
    with pytest.raises(InputError, match=r"b10: no such study; did you mean 'b10\.toml'\?"):
        load_study("b10")


ALIASES = {
    "name": "x",
    "training": {"optimizer": {"name": "rmsprop", "rho": 0.9}},
    "grid": {"training.optimizer.learning_rate": [0.1, 0.2]},
    "variant": {"a": {"training.max_iter": 3}, "b": {"training.optimizer": {"name": "rmsprop", "alpha": 0.8}}},
    "phase": [{"name": "wider", "set": {"network.hidden_layer_sizes": [9]}}],
}


def test_other_libraries_names_are_noted_wherever_they_vary():
    notes = make_study(ALIASES).notes
    pairs = ("learning_rate", "lr"), ("max_iter", "epochs"), ("hidden_layer_sizes", "hidden"), ("alpha", "rho")
    assert notes == tuple(f"{theirs!r} is read as {ours!r}" for theirs, ours in pairs)
    assert make_study({"name": "x", "random": {"training.optimizer.eta0": {"uniform": [0, 1]}}}).notes == (
        "'eta0' is read as 'lr'",
    )


def test_a_change_by_another_librarys_name_takes_the_place_of_ours_and_the_other_way_round():
    for written, given in (("epochs", "n_epochs"), ("max_iter", "n_epochs"), ("max_iter", "epochs")):
        study = make_study({"name": "x", "training": {written: 5}}, [f"training.{given}=2"])
        assert study.spec.training.epochs == 2
        assert (f"{given!r} is read as 'epochs'" in study.notes) == (given != "epochs")
    study = make_study(ALIASES, ["training.optimizer.alpha=0.7", "grid.training.optimizer.lr=[0.3]"])
    assert study.spec.training.optimizer.rho == 0.7
    assert study.phases[0].choices[0].changes == {"training.optimizer.lr": 0.3}


def test_a_key_without_its_section_is_shown_where_it_belongs():
    for table in ("grid", "one_factor", "random"):
        with pytest.raises(InputError, match=rf"{table}\.lr is an unknown key: write {table}\.training\.optimizer\.lr"):
            make_study({"name": "x", table: {"lr": [0.1, 0.2]}})
