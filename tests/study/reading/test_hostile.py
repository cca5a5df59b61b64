"""Whatever is in a file or on the command line: one message that fits a terminal, or a study; never a traceback."""

import datetime
import re
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from handgrad.errors import InputError, StudyFileError
from handgrad.study import load_study, make_study
from handgrad.study.reading.study_file import MOST_BYTES
from handgrad.training.run import Setting
from tests.study.reading.fuzz import bad_message

DATA = '[data]\nname = "digits"\n'
NINES, HEX = "9" * 5000, "0x" + "f" * 400
BITS = "holds a whole number beyond 64 bits (up to 9,223,372,036,854,775,807); got "


@pytest.fixture
def load(tmp_path):
    """load(content): what is read from a file with it."""

    def load(content, overrides=()):
        path = tmp_path / "s.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_study(path, overrides)

    return load


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('name = "a"\nx = ' + "[" * 3000 + "]" * 3000, "is nested too deeply to be TOML"),
        (DATA + "[grid]\n" + "a." * 3000 + "b = [1]\n", "grid.a.a is nested too deeply; the deepest key of a"),
        ("seeds = " + NINES, "is not TOML: it has a number of more than 4,300 digits; whole numbers have 64 bits"),
        ("seeds = [0x" + "f" * 5000 + "]", f"seeds {BITS}"),
        ("seeds = 9223372036854775808", f"seeds {BITS}9223372036854775808"),
        ("seeds = [-9223372036854775809]", f"seeds {BITS}"),
        (DATA + f'[training.optimizer]\nname = "sgd"\nlr = {HEX}', f"training.optimizer.lr {BITS}"),
        (DATA + f"[training]\nweight_decay = {HEX}", f"training.weight_decay {BITS}"),
        (DATA + "[training]\nepochs = " + "9" * 4000, f"training.epochs {BITS}"),
        (DATA + f"[network]\nhidden = [3, {HEX}]", f"network.hidden {BITS}"),
        (DATA + f"[budget]\nminutes = {HEX}", f"budget.minutes {BITS}"),
        (f"[random]\nruns = {HEX}", f"random.runs {BITS}"),
        (
            "[random]\nruns = 2\ntraining.epochs = { integers = [1, 1180591620717411303424] }",
            f"random.training.epochs.integers {BITS}1180591620717411303424",
        ),
        (
            "[random]\nruns = 2\ntraining.weight_decay = { uniform = [-1.7e308, 1.7e308] }",
            "random.training.weight_decay: uniform: hi - lo must be a number that float64 can hold",
        ),
        (
            DATA + '[grid]\nnetwork.hidden = [1979-05-27]\n[[figure]]\ntitle = "x"\nkind = "epochs"\n',
            "grid.network.hidden holds a date or time, 1979-05-27; no key takes one",
        ),
        ("[training]\nepochs = 07:32:00", "training.epochs holds a date or time, 07:32:00"),
        ('description = "a\\u0000b"', "description holds control signs; take them out; got 'a\\x00b'"),
        ("[training]\nepochs = inf", "training.epochs must be a whole number >= 1; got inf"),
        ("[training]\noptimizer = { name = 'sgd', lr = nan }", "training.optimizer.lr must be a number > 0; got nan"),
        ("[network]\ndropout = inf", "network.dropout must be a number in [0, 1); got inf"),
        ("seeds = inf", "seeds must be a list of different whole numbers >= 0, or how many seeds"),
        ("seeds = 2\nseeds = 3", "is not TOML: 'seeds = 3' stands in line 1 already"),
        ("seeds = 2\0", "is not TOML: "),
        ("[data]\nname = digits", "is not TOML: Invalid value in column 8, 'name = digits' (text stands in"),
        (f"seeds = [0x{'f' * 5000}]", f"seeds holds a whole number beyond 64 bits (up to {2**63 - 1:,}); got a whole "),
        (b"\xff\xfe" + "seeds = 2".encode("utf-16-le"), "is not TOML: its text is UTF-16; save it as UTF-8"),
        ("seeds = 2\nname = 'a'".encode("utf-16-be"), "is not TOML: its text is UTF-16; save it as UTF-8"),
        ("seeds = 2".encode("utf-32"), "is not TOML: its text is UTF-32; save it as UTF-8"),
        (b"seeds = 2\nname = '\xff'", "is not TOML: it is not UTF-8 text; save it as UTF-8"),
        (bytes(range(128, 256)) * 30, "is not TOML: it is not UTF-8 text"),
        (b"", "is empty; a study says at least one thing, such as name = "),
        (b"\xef\xbb\xbf# nothing yet\n", "is empty; a study says at least one thing"),
        (b"#" * (MOST_BYTES + 1), "is larger than 16 MB, so it is no study"),
        ('[network]\nlayers = ["dense ' + NINES + ' relu"]', "network.layers has a layer that cannot be read"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_study_gives_one_message(load, content, message):
    with pytest.raises(StudyFileError) as refused:
        load(content)
    text = str(refused.value)
    assert re.sub("^s.toml, line [0-9]+: ", "s.toml: ", text).startswith(f"s.toml: {message}"), text
    assert "\n" not in text
    assert bad_message(text) is None
    assert len(text) < 400


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfseeds = 2\n", b"seeds = 2\r\n[training]\r\nepochs = 3\r\n", b"seeds=2"]
)
def test_text_that_editors_write_is_read(load, content):
    assert load(content).spec.seeds == (0, 1)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (f"seeds={NINES}", "the value is a number of more than 4,300 digits"),
        ("training.epochs=" + "[" * 3000, "the value is nested too deeply"),
        (f"training.epochs={'9' * 4000}", f"training.epochs {BITS}"),
        ("training.epochs=1979-05-27", "training.epochs holds a date or time"),
        (
            "title=\udcff",
            "title holds signs that are no UTF-8 text; take them out; got '\\\\udcff' (given on the command",
        ),
        ("\udcff=3", "is not the path of a key; write for example training.epochs=3"),
        ("a." * 3000 + "b=1", "is not the path of a key; write for example training.epochs=3"),
        ("x" * 20_000, "is not key=value; write for example training.epochs=3"),
        ("network.activation=" + "x" * 20_000, "network.activation is an unknown activation 'xxxx"),
        ("seeds=3\n[grid]", "seeds must be a list of different whole numbers"),
    ],
)
def test_a_change_that_is_none_gives_one_message(override, message):
    with pytest.raises(InputError) as refused:
        make_study({"name": "x"}, [override])
    text = str(refused.value)
    assert message.replace("\\\\", "\\") in text.replace("\\\\", "\\"), text
    assert "\n" not in text
    assert bad_message(text) is None
    assert len(text) < 400


def endless():
    table = {}
    table["a"] = table
    return table


VALUES = [
    *(endless(), [[[[[]]]]] * 3, {"a": {}}, object(), b"\xff", 10**400, -(10**5000), {1: 2}, {None: []}, np.arange(3)),
    *(np.nan, float("inf"), datetime.date(2020, 1, 1), "\ud800", "", (), {3}, "x" * 10**5),
]


@pytest.mark.parametrize(
    "path",
    [
        *("seeds", "name", "data", "data.name", "data.validation.size", "data.image_size", "network.hidden"),
        *(
            "network.init",
            "network.init.std",
            "training.epochs",
            "training.batch_size",
            "training.stack",
            "training.optimizer",
        ),
        *("training.optimizer.lr", "training.schedule.at", "grid.training.epochs", "grid", "bundle.a", "variant.v"),
        *("random.training.epochs.uniform", "random.runs", "asha.epochs", "budget.minutes", "figure", "phase"),
        *("original.n", "made"),
    ],
)
def test_nothing_that_python_gives_ends_in_another_error(path):
    for value in VALUES:
        tables = {"name": "x"}
        *way, last = path.split(".")
        table = tables
        for step in way:
            table = table.setdefault(step, {})
        table[last] = value
        if path.startswith("training.schedule"):
            table["name"] = "steps"
        message = ""
        try:
            study = make_study(tables)
        except InputError as refused:
            message = str(refused)
        else:
            assert make_study(tomllib.loads(study.toml())).toml() == study.toml()
        assert bad_message(message) is None
        if not isinstance(value, dict):  # a Setting by itself walks as deep as its keys go
            inside = {name: tables[name] for name in ("data", "network", "training") if name in tables}
            assert all(len(line) < 400 for line in Setting.read(inside)[1])


def test_long_values_and_lists_are_shortened_in_every_place():
    long, many = "x" * 20_000, [f"name {number}" for number in range(5000)]
    for value in (long, many, {long: long}, [long], [many] * 3):
        training = {"loss": value, "optimizer": value, "schedule": {"name": value}, "epochs": value, "engine": value}
        tables = {
            **dict.fromkeys(("name", "title", "seeds", "select_by", "grid", "made", "quick", long), value),
            "data": {"name": value, "scale": value, "validation": value, "train": value, "label": value, long: 1},
            "network": {"hidden": value, "activation": value, "init": value, "layers": value},
            "training": training,
            "bundle": {long: value, "b": {long: value}},
            "variant": {long: value},
            "one_factor": {long: value},
            "random": {long: value, "runs": value, "sampler": value, "training": {"epochs": value}},
            "budget": {"runs": value},
            "asha": {"rule": value, long: 3},
            "figure": [{"title": long, "kind": value}],
            "phase": [{"name": long, "after": long, "grid": {long: value}}, {"name": long, "start": value}, value],
            "original": {"title": long, "table": [{"number": long, "kind": value, "rows": value}]},
        }
        for some in (tables, *({"name": "x", key: part} for key, part in tables.items() if key != "title")):
            with pytest.raises(StudyFileError) as refused:
                make_study(some)
            assert max(map(len, refused.value.problems)) < 700, max(refused.value.problems, key=len)
            assert len(str(refused.value)) < 30_000


def test_a_study_file_whose_name_is_no_utf8(tmp_path):
    if sys.platform != "linux":
        pytest.skip("names are UTF-8 here")
    path = tmp_path / "b\udcffb.toml"
    path.write_text('name = "x"\nseeds = 2')
    study = load_study(path)
    assert study.toml().encode("utf-8")
    assert study.spec.made.file == "b\\udcffb.toml"
    path.write_text('name = "x"\nseeds = 0')
    done = subprocess.run([sys.executable, "-m", "handgrad.cli", "plan", path], capture_output=True, text=True)
    assert done.returncode == 2
    assert "b\\udcffb.toml, line 2: seeds must be" in done.stderr


def test_a_name_that_comes_from_the_file_s_own(tmp_path):
    path = tmp_path / "übung.toml"
    path.write_text("seeds = 2")
    with pytest.raises(StudyFileError, match=r"has no name, and the file's own is none of a study: it must be"):
        load_study(path)
    path.write_text('name = "exercise"')
    assert load_study(path).spec.name == "exercise"
