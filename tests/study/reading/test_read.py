"""Study files: what they mean, and what is said about everything that is wrong with one."""

import tomllib
from pathlib import Path

import pytest

from handgrad.errors import InputError, StudyFileError
from handgrad.study import load_study, make_study, ready_made
from handgrad.study.reading.loading import read_study

GOOD = {"name": "x"}


def problems(tables, overrides=(), **options):
    with pytest.raises(StudyFileError) as caught:
        make_study({**GOOD, **tables}, overrides, where="study.toml", **options)
    assert str(caught.value) == "\n".join(f"study.toml: {line}" for line in caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize(
    ("tables", "line"),
    [
        ({"seedz": 3}, "seedz is an unknown key; did you mean 'seeds'? Known: grid, bundle"),
        ({"epochs": 3}, "epochs is an unknown key: write training.epochs. Known: grid, bundle"),
        ({"training": {"epoch": 3}}, "training.epoch is an unknown key; did you mean 'epochs'? Known: loss, "),
        (
            {"grid": {"training": {"optimizr": {"lr": [0.1]}}}},
            "grid.training.optimizr is an unknown key; did you mean 'optimizer'? Known: loss, ",
        ),
        (
            {"training": {"optimizer": {"name": "adm"}}},
            "training.optimizer is an unknown optimizer 'adm'; did you mean 'adam'? Known: sgd, ",
        ),
        (
            {"grid": {"training": {"optimizer": {"lr": [0.1, -0.2]}}}},
            "grid.training.optimizer.lr must be > 0; got -0.2",
        ),
        ({"grid": {"training": {"epochs": [1, "two"]}}}, "grid.training.epochs must be a whole number >= 1; got 'two'"),
        ({"grid": {}}, "grid is empty; list at least one value, as in network.hidden = [300, 500]"),
        ({"grid": {"training": {"epochs": []}}}, "grid.training.epochs is an empty list; list at least one value or"),
        ({"grid": {"training": {"epochs": 3}}}, "grid.training.epochs must be a list of values, as in [3]; got 3"),
        ({"grid": {"training": {"epochs": [3, 4, 3]}}}, "grid.training.epochs lists 3 twice; keep one"),
        ({"grid": [1]}, "grid must be a table; got [1]"),
        (
            {"seeds": [1, 1]},
            "seeds must be a list of different whole numbers >= 0, or how many seeds (3 means 0, 1, 2)",
        ),
        ({"made": {"from": "a.toml"}}, "made.from is an unknown key. Known: file, quick, changes"),
        ({"made": {"changes": "seeds=1"}}, "made.changes must be a list; got 'seeds=1'"),
        ({"seeds": 0}, "seeds must be a list of different whole numbers >= 0"),
        ({"seeds": []}, "seeds must be a list of different whole numbers >= 0"),
        ({"seeds": True}, "seeds must be a list of different whole numbers >= 0"),
        ({"name": "mönde two"}, "name must be a name of the signs a to z, A to Z, 0 to 9, - _ . and spaces"),
        ({"name": "a/b"}, "name must be a name of the signs a to z, A to Z, 0 to 9, - _ . and spaces"),
        ({"name": ".."}, "name must be a name of the signs a to z, A to Z, 0 to 9, - _ . and spaces"),
        (
            {"select_by": "test_accuracy"},
            "select_by is an unknown measure 'test_accuracy': the test set has no say in a choice; to reproduce a "
            "study that chose on it, say select_on_test = true. Known: val_accuracy, val_balanced_accuracy, ",
        ),
        ({"select_on_test": 1}, "select_on_test must be true or false; got 1"),
        (
            {"bundle": {"case": {"a": {"network": {"activation": "tanhh"}}}}},
            "bundle.case.\"a\".network.activation is an unknown activation 'tanhh'; did you mean 'tanh'?",
        ),
        (
            {"bundle": {"case": {"a": 3}}},
            'bundle.case."a" must be a table of changes, as in [bundle.case."tanh"]; got 3',
        ),
        ({"bundle": {}}, 'bundle is empty; write a table such as [bundle.case."tanh"] or leave it out'),
        (
            {"variant": {"network": {"hidden": 3}}},
            'variant.network is a change without a name; give it one, as in [variant."adam"]',
        ),
        (
            {"bundle": {"case": {"training": {"epochs": 3}}}},
            'bundle.case.training is a change without a name; give it one, as in [bundle.case."tanh"]',
        ),
        (
            {"quick": {"phase": {"b": {"continue": True}}}},
            "with --quick: phase (from [quick]) has no effect: the file has no [[phase]]; write one into it",
        ),
        ({"variant": {}}, 'variant must hold named tables of changes, as in [variant."adam"]; got {}'),
        (
            {"variant": {"long": {"training": {"epochs": 0}}}},
            'variant."long".training.epochs must be >= 1; got 0',
        ),
        ({"one_factor": {"training": {"epochs": [0]}}}, "one_factor.training.epochs must be >= 1; got 0"),
        (
            {"grid": {"training": {"epochs": [1]}}, "bundle": {"b": {"a": {"training": {"epochs": 2}}}}},
            'bundle.b."a".training.epochs varies in the grid as well; keep one',
        ),
        ({"random": {}}, "random is empty; give a range, as in training.optimizer.lr = { log_uniform = [1e-4, 1e-2] }"),
        (
            {"random": {"training": {"optimizer": {"lr": {"log_uniform": [0, 1]}}}}},
            "random.training.optimizer.lr: log_uniform must be [lo, hi], two numbers with 0 < lo < hi; got [0, 1]",
        ),
        (
            {"random": {"training": {"epochs": {"integers": [1.5, 2]}}}},
            "random.training.epochs: integers must be [lo, hi], two whole numbers with lo < hi; got [1.5, 2]",
        ),
        (
            {"random": {"training": {"epochs": {"choice": []}}}},
            "random.training.epochs: choice must be a list of at least one value; got []",
        ),
        (
            {"random": {"runs": 0, "training": {"epochs": {"choice": [1]}}}},
            "random.runs must be a whole number >= 1; got 0",
        ),
        (
            {"random": {"run": 3, "training": {"epochs": {"choice": [1]}}}},
            "random.run is an unknown key; did you mean 'runs'? Known: runs, seed, sampler, data, network, training",
        ),
        (
            {"random": {"training": {"epochs": {"choic": [1]}}}},
            "random.training.epochs.choic must be a range such as { uniform = [0, 1] }",
        ),
        (
            {"random": {"training": {"optimizer": {"lr": [0.1, 1]}}}},
            "random.training.optimizer.lr must be a range such as { uniform = [0, 1] } (uniform, log_uniform, "
            "integers, choice); got [0.1, 1]",
        ),
        (
            {"random": {"training": {"epochs": {"choice": [1]}}}, "grid": {"network": {"hidden": [1]}}},
            "random cannot stand beside grid; put one of them into a [[phase]] of its own",
        ),
        ({"random": {"training": {"epochs": {"integers": [-5, 0]}}}}, "random.training.epochs must be >= 1; got "),
        ({"phase": [{"grid": {"training": {"epochs": [3]}}}]}, "phase 1.name is missing"),
        (
            {"phase": [{"name": "a"}]},
            'phase "a" changes nothing; give it a grid, bundle, one_factor, variant, random, set, new_seeds or vary',
        ),
        (
            {"seeds": [2**63 - 1], "phase": [{"name": "a", "new_seeds": 2}]},
            'phase "a".new_seeds: its seeds follow those of the study and would reach 9223372036854775809; seeds must '
            "be below 2^63, so give smaller seeds",
        ),
        ({"phase": [{"name": "a", "new_seeds": 0}]}, 'phase "a".new_seeds must be in [1, 100]; got 0'),
        (
            {"phase": [{"name": "a", "new_seeds": [3]}]},
            'phase "a".new_seeds must be a whole number in [1, 100]; got [3]',
        ),
        (
            {"phase": [{"name": "a", "new_seeds": 2, "continue": True}]},
            'phase "a" continues runs, each of the same seed, so it cannot have new_seeds = 2; leave new_seeds or',
        ),
        (
            {"phase": [{"name": "a", "new_seeds": 2}, {"name": "b", "grid": {"training": {"epochs": [3]}}}]},
            'phase "b" starts from phase "a", which has new_seeds: its settings have no runs of the study\'s seeds; '
            'give another phase in after, such as after = "main"',
        ),
        (
            {"vary": ["weights"]},
            "vary must be a list of what the seeds vary, of init, order, dropout, split; it has an unknown source "
            "'weights'. Known: init, order, dropout, split",
        ),
        (
            {"vary": ["inits"]},
            "vary must be a list of what the seeds vary, of init, order, dropout, split; it has an ",
        ),
        (
            {"vary": []},
            "vary must be a list of what the seeds vary, of init, order, dropout, split; an empty list varies nothing: "
            "leave vary out, and a seed is of init, order, dropout",
        ),
        ({"vary": "init"}, "vary must be a list of what the seeds vary, of init, order, dropout, split; got 'init'"),
        (
            {"vary": {"training": {"epochs": [1, 2]}}},
            "vary must be a list of what the seeds vary, of init, order, dropout, split; the values that a study "
            "compares stand in a table [grid]",
        ),
        (
            {"report": {"figures": ["curves"]}},
            "report.figures is an unknown key: write a table [[figure]] with its kind for each of them, such as ",
        ),
        (
            {"vary": ["init", "init"]},
            "vary must be a list of what the seeds vary, of init, order, dropout, split, each once; got ['init', ",
        ),
        ({"phase": [{"name": "a", "vary": [3]}]}, 'phase "a".vary must be a list of what the seeds vary, of init, ord'),
        (
            {"vary": ["init", "dropout"]},
            "vary holds dropout, but the network has no dropout, so the seeds cannot vary it; give network.dropout or "
            'a layer such as "dropout 0.5", or take it out of vary',
        ),
        (
            {"grid": {"network": {"dropout": [0.0, 0.5]}}, "phase": [{"name": "a", "vary": ["dropout"]}]},
            'phase "a".vary holds dropout, but some settings have no dropout, so the seeds cannot vary it; ',
        ),
        (
            {"vary": ["split"], "data": {"validation": {"size": 20, "seed": 3}}},
            "data.validation.seed = 3 would have no effect, as the seeds vary the split; take it out, or split out",
        ),
        (
            {"phase": [{"name": "a", "vary": ["init"]}, {"name": "b", "grid": {"training": {"epochs": [3]}}}]},
            'phase "b" starts from phase "a", which has a vary of its own: its settings have no runs of the study\'s '
            'seeds; give another phase in after, such as after = "main"',
        ),
        (
            {"phase": [{"name": "a", "vary": ["init"], "continue": True}]},
            'phase "a" continues runs of phase "main", so its seeds vary what those do; leave vary or continue out',
        ),
        (
            {"phase": [{"name": "a", "after": "mian", "set": {"training": {"epochs": 3}}}]},
            "phase \"a\".after is an unknown earlier phase 'mian'; did you mean 'main'? Known: main",
        ),
        (
            {"phase": [{"name": "a", "set": {"training": {"epochs": 3}}}] * 2},
            'phase "a": there are two phases of this name; give each its own',
        ),
        ({"phase": [{"name": "a", "gird": {}}]}, "phase \"a\".gird is an unknown key; did you mean 'grid'?"),
        ({"phase": [{"name": "a", "grid": {}}]}, 'phase "a".grid is empty'),
        (
            {"phase": [{"name": "a", "grid": {"training": {"batch_size": [0]}}}]},
            'phase "a".grid.training.batch_size must be a whole number >= 1 or "full"; got 0',
        ),
        (
            {"phase": [{"name": "a", "set": {"training": {"batch_size": 0}}}]},
            'phase "a".set.training.batch_size must be a whole number >= 1 or "full"; got 0',
        ),
        (
            {"phase": [{"name": "a", "continue": True, "set": {"network": {"hidden": 3}}}]},
            'phase "a" continues runs, so it cannot change network.hidden: the weights and the data of a continued run',
        ),
        (
            {"data": {"validation": False}, "phase": [{"name": "a", "set": {"training": {"epochs": 3}}}]},
            "select_by = 'val_accuracy' needs validation data to choose what later phases start from, but",
        ),
        ({"data": {"train": 5000}}, "data.train must be a table such as { size = 5000 }; got 5000"),
        (
            {"data": {"test": 5}},
            "data.test must be a table such as { size = 0.2 }, or false; got 5",
        ),
        (
            {"training": {"early_stopping": 5}},
            "training.early_stopping must be a table such as { patience = 10 }; got 5",
        ),
        ({"budget": 30}, "budget must be a table such as { minutes = 30 }; got 30"),
        ({"conclusions": 0.01}, "conclusions must be a table such as { margin = 0.01 }; got 0.01"),
        ({"conclusions": {}}, "conclusions.margin is missing"),
        ({"conclusions": {"margin": 0}}, "conclusions.margin must be > 0; got 0"),
        ({"conclusions": {"margin": "1 %"}}, "conclusions.margin must be a number > 0; got '1 %'"),
        (
            {"conclusions": {"margin": 1}},
            "conclusions.margin must be in (0, 1) for val_accuracy, a fraction of the examples; got 1; write points of "
            "accuracy as hundredths, such as 0.01 for one point",
        ),
        (
            {"phase": [{"name": "a", "epochs": 3, "continue": True}]},
            'phase "a".epochs is an unknown key: write set.training.epochs. Known: ',
        ),
        (
            {"phase": [{"name": "a", "training": {"epochs": 3}, "continue": True}]},
            'phase "a".training is an unknown key: write set.training. Known: ',
        ),
        ({"phase": 3}, "phase must be written as [[phase]] tables; got 3"),
        ({"quick": {"training": {"epochs": 0}}}, "with --quick: training.epochs must be >= 1; got 0"),
        (
            {
                "quick": {"phase": {"b": {"continue": True}}},
                "phase": [{"name": "a", "set": {"training": {"epochs": 3}}}],
            },
            "with --quick: phase.b (from [quick]) is an unknown phase 'b'",
        ),
    ],
)
def test_one_problem_gives_one_line(tables, line):
    found = problems(tables)
    assert len(found) == 1, found
    assert found[0].startswith(line)


def test_everything_wrong_is_said_at_once():
    found = problems(
        {
            "seeds": 0,
            "training": {"epochs": 0, "optimizer": {"name": "adam", "beta1": 2}},
            "grid": {"network": {"activation": ["relu", "rely"]}, "training": {"batch_size": []}},
            "phase": [{"name": "a", "set": {"training": {"clip_norm": -1}}}],
        }
    )
    expected = ["seeds", "training.epochs", "training.optimizer.beta1", "grid.network.activation"]
    expected += ["grid.training.batch_size", 'phase "a".set.training.clip_norm']
    for start in expected:
        assert sum(line.startswith(start + " ") for line in found) == 1, (start, found)
    assert len(found) == len(expected), found


def test_an_unknown_data_set_is_said_with_the_others(tmp_path):
    """By the commands, which have no data in memory; by itself it is said when data is read."""
    path = tmp_path / "bad.toml"
    path.write_text('[data]\nname = "mnits"\n[training]\nepochs = 0\n')
    with pytest.raises(StudyFileError) as caught:
        read_study(path, data_on_disk=True)
    first, second = str(caught.value).split("\n")
    assert first == "bad.toml, line 4: training.epochs must be >= 1; got 0"
    assert second.startswith("bad.toml, line 2: data.name: no data set is called 'mnits', and no file or folder ")
    assert "; did you mean 'mnist'? Known: digits, " in second
    with pytest.raises(StudyFileError) as caught:
        load_study(path)  # it may be the name of a data set in memory
    assert caught.value.problems == ["training.epochs must be >= 1; got 0"]
    (tmp_path / "mnits").mkdir()
    with pytest.raises(StudyFileError) as caught:
        read_study(path, data_on_disk=True)
    assert len(caught.value.problems) == 1
    path.write_text(f'[data]\nname = "{"a" * 5000}"\n[training]\nepochs = 0\n')
    with pytest.raises(StudyFileError) as caught:
        read_study(path, data_on_disk=True)
    assert caught.value.problems[0] == "training.epochs must be >= 1; got 0"


def test_an_override_says_that_it_was_the_command_line():
    assert problems({}, ["training.epochs=-1", "network.activation=rely"])[-1] == (
        "training.epochs must be >= 1; got -1 (given on the command line)"
    )
    (line,) = problems({"training": {"optimizer": "sgd"}}, ["training.optimizer.name=adamm"])
    assert line.startswith("training.optimizer is an unknown optimizer 'adamm'"), line
    assert line.endswith("(given on the command line)"), line
    (line,) = problems({"training": {"optimizer": {"name": "adamm"}}}, ["training.optimizer.lr=0.3"])
    assert not line.endswith("(given on the command line)"), line


@pytest.mark.parametrize("text", ["training.epochs", "=3", "a b=3"])
def test_an_override_that_is_none(text):
    with pytest.raises(InputError, match=r"write for example training\.epochs=3"):
        make_study(GOOD, [text])


def test_overrides_and_quick_are_laid_over_the_file():
    tables = {
        "seeds": 5,
        "training": {"epochs": 9, "optimizer": {"name": "momentum", "momentum": 0.5}},
        "grid": {"network": {"hidden": [1, 2]}, "training": {"optimizer": {"lr": [0.1]}}},
        "phase": [{"name": "b s", "grid": {"training": {"batch_size": [1, 2, 3]}}}],
        "quick": {"seeds": 1, "training": {"epochs": 2}, "phase": {"b s": {"grid": {"training": {"batch_size": [7]}}}}},
    }
    study = make_study({**GOOD, **tables}, ["training.epochs=4", "grid.network.hidden=[8]"], quick=True)
    assert study.spec.seeds == (0,)
    assert study.spec.training.epochs == 4  # the command line comes last
    assert [choice.changes for choice in study.phases[0].choices] == [
        {"network.hidden": 8, "training.optimizer.lr": 0.1}
    ]
    assert [choice.changes for choice in study.phases[1].choices] == [{"training.batch_size": 7}]
    assert str(study.default_out).endswith("x-quick")
    # an optimizer that is named starts from its own defaults; another key of it keeps its name
    assert make_study({**GOOD, **tables}, ["training.optimizer.name=sgd"]).spec.training.optimizer.name == "sgd"
    free = {**GOOD, **tables, "grid": {"network": {"hidden": [1, 2]}}}
    assert make_study(free, ["training.optimizer.lr=0.3"]).spec.training.optimizer.momentum == 0.5
    plain = {**GOOD, "training": {"optimizer": "adam"}}
    assert make_study(plain, ["training.optimizer.lr=0.3"]).spec.training.optimizer.name == "adam"


def test_a_list_of_seeds_and_a_count():
    assert make_study({**GOOD, "seeds": [42, 268, 975]}).spec.seeds == (42, 268, 975)
    assert make_study({**GOOD, "seeds": 3}).spec.seeds == (0, 1, 2)


def test_other_libraries_names_are_read_and_noted():
    study = make_study({**GOOD, "training": {"max_iter": 3}, "grid": {"training.optimizer.learning_rate": [1, 2]}})
    assert study.spec.training.epochs == 3
    assert "'max_iter' is read as 'epochs'" in study.notes
    assert study.phases[0].choices[1].changes == {"training.optimizer.lr": 2}


def test_files(tmp_path):
    path = tmp_path / "two layers.toml"
    path.write_text("seeds = 2")
    assert load_study(path).spec.name == "two layers"  # the file's name where it gives none
    path.write_text("seeds = 2\n[grid\n")
    with pytest.raises(StudyFileError, match=r"two layers.toml, line 2: is not TOML: "):
        load_study(path)
    path.write_bytes(b"seeds = 2\nname = '\xff'")
    with pytest.raises(StudyFileError, match=r"is not TOML: it is not UTF-8 text; save it as UTF-8"):
        load_study(path)
    with pytest.raises(InputError, match=r"quickstrat: no such study; did you mean 'quickstart'\? Give a TOML file or"):
        load_study("quickstrat")
    with pytest.raises(InputError, match=r"cannot be read: it is a folder; give the \.toml file in it"):
        load_study(tmp_path)


@pytest.mark.parametrize("name", ready_made())
@pytest.mark.parametrize("quick", [False, True])
def test_ready_made_studies_are_right_and_can_be_written_and_read_back(name, quick):
    study = load_study(name, quick=quick)
    assert study.spec.title
    assert study.spec.description
    again = make_study(tomllib.loads(study.toml()))
    assert again.toml() == study.toml()
    assert again.phases == study.phases
    assert again.base == study.base


def test_a_study_knows_what_it_was_made_from():
    made = load_study(
        "quickstart", ["training.epochs=1", "seeds=1", "training.batch_size=20"], quick=True
    )  # 20 as it was
    written = tomllib.loads(made.toml())
    assert written["made"] == {"file": "quickstart.toml", "quick": True, "changes": ["training.epochs=1", "seeds=1"]}
    assert (written["training"]["epochs"], written["seeds"]) == (1, [0])
    assert tomllib.loads(load_study("quickstart").toml())["made"] == {
        "file": "quickstart.toml",
        "quick": False,
        "changes": [],
    }
    assert tomllib.loads(make_study(GOOD).toml())["made"] == {"quick": False, "changes": []}


def test_a_study_of_a_results_folder_stays_what_it_was_made():
    made = load_study("quickstart", ["training.epochs=1", "seeds=1"], quick=True)
    again = make_study(tomllib.loads(made.toml()), ["training.batch_size=7"], where="study.toml")
    assert again.quick
    assert again.default_out == made.default_out == Path("results/quickstart-quick")
    assert again.spec.made.file == "quickstart.toml"
    assert again.spec.made.changes == ("training.epochs=1", "seeds=1", "training.batch_size=7")
    assert (made.changed, again.changed) == (("training.epochs=1",), ("training.epochs=1", "training.batch_size=7"))


def test_quick_needs_a_small_version():
    with pytest.raises(StudyFileError) as refused:
        make_study(GOOD, quick=True)
    assert refused.value.problems == [
        "--quick: the file does not say what is small; add a table [quick], such as training.epochs = 2"
    ]
    made = make_study({**GOOD, "quick": {"training": {"epochs": 1}}}, quick=True)
    assert make_study(tomllib.loads(made.toml()), quick=True).quick  # small already
