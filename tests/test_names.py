"""Names that are not known: misspelt ones, those of other libraries; messages do not grow with what they show."""

import re
from pathlib import Path

import pytest

from handgrad.data.augmentation import Augmentation
from handgrad.data.catalog import DATASETS
from handgrad.data.data_section import DataSection
from handgrad.data.scaling import SCALES
from handgrad.errors import InputError, StudyFileError
from handgrad.measures import VALIDATION_METRICS
from handgrad.names import listed, nearest, short, shown, unknown, unknown_key
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.initializers import INITIALIZERS
from handgrad.network.layers import LAYERS
from handgrad.network.losses import LOSSES
from handgrad.network.network_section import NetworkSection
from handgrad.network.targets import TARGETS
from handgrad.study import make_study
from handgrad.study.changes import leaves
from handgrad.study.design.axes import DISTRIBUTIONS, SAMPLERS
from handgrad.study.design.study_spec import StudySpec
from handgrad.study.execution.choose_runner import RUNNERS
from handgrad.study.published.figure_options import FIGURES
from handgrad.study.rules.budget import Budget
from handgrad.study.rules.search_rules import Asha
from handgrad.synonyms import fold, synonyms
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.requirements import DEVICES
from handgrad.training.run import Setting
from handgrad.training.schedules import SCHEDULES
from handgrad.training.training_section import ENGINES, TrainingSection

TABLES = {
    "loss": LOSSES,
    "activation": ACTIVATIONS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "initializer": INITIALIZERS,
    "scale": SCALES,
    "measure": VALIDATION_METRICS,
    "layer": LAYERS,
    "engine": ENGINES,
    "device": DEVICES,
    "number type": ("float32", "float64"),
    "encoding of targets": TARGETS,
    "batch reduction": ("mean", "sum"),
    "sampler": SAMPLERS,
    "range": DISTRIBUTIONS,
    "runner": RUNNERS,
    "data set": DATASETS,
    "kind of figure": FIGURES,
}

MISSPELT = [
    ("sigmod", "activation", "sigmoid"),
    ("sigmiod", "activation", "sigmoid"),
    ("Sigmoid", "activation", "sigmoid"),
    ("tahn", "activation", "tanh"),
    ("rely", "activation", "relu"),
    ("ReLU", "activation", "relu"),
    ("Leaky_ReLU", "activation", "leaky-relu"),
    ("leakyrelu", "activation", "leaky-relu"),
    ("softmx", "activation", "softmax"),
    ("log softmax", "activation", "log-softmax"),
    ("cros-entropy", "loss", "cross-entropy"),
    ("CrossEntropy", "loss", "cross-entropy"),
    ("cross_entropy", "loss", "cross-entropy"),
    ("squared", "loss", "squared-error"),
    ("mean_squared_error", "loss", "mean-squared-error"),
    ("binary_cross_entropy", "loss", "binary-cross-entropy"),
    ("binary_crossentropy", "loss", "binary-cross-entropy"),
    ("adma", "optimizer", "adam"),
    ("Adam", "optimizer", "adam"),
    ("sdg", "optimizer", "sgd"),
    ("rmsprp", "optimizer", "rmsprop"),
    ("momentun", "optimizer", "momentum"),
    ("AdaGrad", "optimizer", "adagrad"),
    ("consine", "schedule", "cosine"),
    ("expontential", "schedule", "exponential"),
    ("symetric", "scale", "symmetric"),
    ("xaiver", "initializer", "xavier"),
    ("dens", "layer", "dense"),
    ("maxpool", "layer", "max-pool"),
    ("BatchNorm", "layer", "batch-norm"),
    ("rya", "runner", "ray"),
    ("CIFAR10", "data set", "cifar-10"),
    ("Fashion_MNIST", "data set", "fashion-mnist"),
]

FOREIGN = [
    ("categorical_crossentropy", "loss", "'cross-entropy'"),
    ("sparse_categorical_crossentropy", "loss", "'cross-entropy'"),
    ("ce", "loss", "'cross-entropy'"),
    ("CrossEntropyLoss", "loss", "'cross-entropy'"),
    ("log_loss", "loss", "'cross-entropy'"),
    ("mse", "loss", "'mean-squared-error'"),
    ("MSELoss", "loss", "'mean-squared-error'"),
    ("mae", "loss", "'absolute-error'"),
    ("L1Loss", "loss", "'absolute-error'"),
    ("bce", "loss", "'binary-cross-entropy'"),
    ("hinge", "loss", "'multi-margin'"),
    ("smooth_l1", "loss", "'huber'"),
    ("logistic", "activation", "'sigmoid'"),
    ("linear", "activation", "'identity'"),
    ("NAG", "optimizer", "'nesterov'"),
    ("lbfgs", "optimizer", "not there yet"),
    ("nadam", "optimizer", "not there yet; nearest is 'adam'"),
    ("ReduceLROnPlateau", "schedule", "'plateau'"),
    ("glorot_uniform", "initializer", "'xavier', { distribution = 'uniform' }"),
    ("StandardScaler", "scale", "'standard'"),
    ("Conv2D", "layer", "'conv'"),
    ("numpy", "engine", "'array'"),
    ("gpu", "device", "'cuda'"),
    ("test_accuracy", "measure", "select_on_test"),
]
NOT_THERE = ["gelu", "swish", "SiLU", "elu", "selu", "celu", "mish", "relu6", "PReLU", "softplus", "hard_sigmoid"]


@pytest.mark.parametrize(("written", "kind", "meant"), MISSPELT)
def test_a_misspelt_name_finds_the_one_that_is_meant(written, kind, meant):
    assert f"did you mean '{meant}'?" in unknown(written, TABLES[kind], kind)


@pytest.mark.parametrize(("written", "kind", "advice"), FOREIGN)
def test_a_name_of_another_library_leads_to_what_does_the_job(written, kind, advice):
    said = unknown(written, TABLES[kind], kind)
    assert advice in said.split(" Known: ")[0]
    assert "did you mean" not in said


@pytest.mark.parametrize("written", NOT_THERE)
def test_what_is_not_there_is_no_misspelling_of_something_else(written):
    said = unknown(written, ACTIVATIONS, "activation")
    assert said == f"unknown activation '{written}': it is not there yet. Known: {', '.join(ACTIVATIONS)}"


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("task", ["stack"]),
        ("shuffle", ["schedule"]),
        ("mse", ["nll"]),
        ("zzz", ["adam"]),
        ("", ["a", "adam"]),
        ("x" * 20_000, ["adam"]),
        ("foo", ["fold", "for"]),
    ],
)
def test_what_is_not_alike_is_not_offered(word, known):
    assert nearest(word, known) is None


@pytest.mark.parametrize("kind", [kind for kind in synonyms() if kind != "key"])
def test_every_name_that_is_advised_is_there_and_no_own_name_is_foreign(kind):
    own = {fold(name): name for name in TABLES[kind]}
    for word, advice in synonyms()[kind].items():
        assert word not in own or kind == "layer", word
        for name in re.findall(r"(?:called|nearest is|nearest are|between|and|or) '([^']+)'", advice):
            assert name in [*TABLES[kind], "adam", "adamw", "momentum", "sgd"], (word, name)


def own_keys() -> dict[str, str]:
    """Every key of a setting by its last step, those of every optimizer, schedule and initializer included."""
    setting = Setting(training={"early_stopping": {}}, data={"train": {"size": 3}, "test": {}})
    found = {path.split(".")[-1]: path for path, _ in leaves(setting.model_dump(by_alias=True), lambda *_: False)}
    for section, name in ((DataSection, "data"), (NetworkSection, "network"), (TrainingSection, "training")):
        found |= {key: f"{name}.{key}" for key in section.model_fields}
    for section in OPTIMIZERS.values():
        found |= {key: f"training.optimizer.{key}" for key in section.model_fields}
    return {
        key: path
        for key, path in found.items()
        if key not in ("name", "size", "from", "factor", "distribution", "gain")
    }


@pytest.mark.parametrize(("key", "path"), own_keys().items())
def test_a_key_of_ours_in_the_wrong_table_leads_to_the_right_one(key, path):
    said = unknown_key(key, ["xyz"])
    section = path.split(".")[0]
    assert f"{section}." in said or "seeds at the top" in said, said


@pytest.mark.parametrize("advice", sorted(set(synonyms()["key"].values())))
def test_every_path_that_is_advised_is_one(advice):
    known = set(own_keys().values()) | {"data.name", "data.scale", "network.init", "training.optimizer.name"}
    known |= {f"{path}" for key in ("data", "network", "training") for path in (key,)}
    for path in re.findall(r"\b(?:data|network|training)\.[a-z_0-9.]+[a-z0-9]", advice):
        if path.startswith("data.md") or path == "data.validation.stratify":
            continue
        assert path in known, (advice, path)
    for key in re.findall(r"write (?:a table )?\[?([a-z_]+)\]?(?= at the top| =|$)", advice):
        assert key in StudySpec.model_fields, advice


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("lr", "write training.optimizer.lr."),
        ("learning_rate", "write training.optimizer.lr."),
        ("alpha", "write training.weight_decay with training.l2_form"),
        ("solver", "write training.optimizer.name"),
        ("max_iter", "write training.epochs."),
        ("random_state", "write seeds at the top of the file"),
        ("n_jobs", "--jobs N"),
        ("dropout", "write network.dropout"),
        ("units", "write network.hidden"),
        ("hidden_layer_sizes", "write network.hidden"),
        ("beta_1", "beta1 = 0.9"),
        ("decay", "training.schedule for the learning rate"),
        ("patience", "write training.early_stopping = { patience = 10 }"),
        ("shuffle", "write training.shuffle = false"),
        ("class_weights", "write training.class_weights"),
        ("metrics", "not there yet"),
        ("folds", "write data.validation = { folds = 5 }"),
        ("cv", "write data.validation"),
        ("augment", "write training.augmentation"),
        ("task", 'write data.task = "regression"'),
        ("hiden_size", "write network.hidden"),
        ("nesterovs_momentum", 'name = "nesterov"'),
        ("n_iter_no_change", "write training.early_stopping = { patience = 10 }"),
        ("parameters", "as in grid.training.optimizer.lr = [0.01, 0.1]"),
        ("method", "write a table [grid]"),
        ("hydra", "the command line changes them"),
        ("model", "write network.layers"),
        ("study_name", "write name at the top of the file"),
        ("per_device_train_batch_size", "write training.batch_size"),
        ("num_classes", "it is that of the data"),
        ("label_smoothing", "not there yet"),
    ],
)
def test_a_key_of_another_library_leads_to_ours(key, says):
    said = unknown_key(key, StudySpec.model_fields)
    assert says in said.split(" Known: ")[0]
    assert "did you mean" not in said


@pytest.mark.parametrize(
    ("key", "table", "says"),
    [
        ("num_epochs", "training", "; did you mean 'epochs'?"),
        ("n_layers", "network", ": write network.hidden with a width for each layer"),
        ("columns", "data", ": write data.drop"),
        ("index_col", "data", ": write data.drop"),
        ("na_values", "data", ": write data.missing"),
        ("max_value", "data", ": write data.value_range"),
        ("mode", "asha", ": nothing sets it: of an accuracy the highest is best"),
        ("hours", "budget", ": write budget.minutes"),
        ("rope", "conclusions", ": write conclusions.margin = 0.01"),
    ],
)
def test_what_a_message_about_a_key_names_is_there(key, table, says):
    with pytest.raises(StudyFileError) as raised:
        make_study({"name": "x", table: {key: 3}})
    assert f"{table}.{key} is an unknown key{says}" in str(raised.value)
    sections = {"data": DataSection, "network": NetworkSection, "training": TrainingSection}
    for said in re.findall(r"write (data|network|training)\.(\w+)", "\n".join(synonyms()["key"].values())):
        assert said[1] in {field.alias or name for name, field in sections[said[0]].model_fields.items()}


@pytest.mark.parametrize(
    ("tables", "changes", "says"),
    [
        ({"grid": {"training.optimizer.lr.values": [1]}}, [], "write grid.training.optimizer.lr = [0.01, 0.1]"),
        ({"grid": {"training": {"epochs": {"min": 1, "max": 9}}}}, [], "write random.training.epochs = { log_uniform"),
        ({"random": {"training.optimizer.lr": {"suggest_float": [1, 2]}}}, [], "here it is called 'uniform'"),
        ({"data": {"train": 5000}}, [], "data.train must be a table such as { size = 5000 }; got 5000"),
        ({}, ["training.optimizer.lr=0.1,0.01"], "several values are a grid: grid.training.optimizer.lr=[0.1,0.01]"),
        ({}, ["optimizer=adam"], "write training.optimizer.name"),
        ({}, ["model.layers=3"], "write network.layers"),
        ({}, ["+training.epochs=3"], "a change has no sign before it; write for example training.epochs=3"),
    ],
)
def test_sweeps_of_other_programs_lead_to_ours(tables, changes, says):
    with pytest.raises(InputError) as raised:
        make_study({"name": "x", **tables}, changes)
    assert says in str(raised.value)


def test_the_page_of_study_files_lists_every_name_that_is_read_with_a_note():
    page = (Path(__file__).parents[1] / "docs" / "studies.md").read_text("utf-8")
    rows = re.findall(
        r"^\| `([\w.]+)` \| ((?:`\w+`(?:, )?)+) \|$", page.split("## Words of other libraries")[1], re.MULTILINE
    )
    listed = {path: set(re.findall(r"`(\w+)`", words)) for path, words in rows}
    taken: dict[str, set[str]] = {}
    sections = [("training", TrainingSection), ("network", NetworkSection), ("budget", Budget), ("asha", Asha)]
    sections += [("training.optimizer", one) for one in OPTIMIZERS.values()]
    sections += [("training.schedule", one) for one in SCHEDULES.values()]
    sections.append(("training.augmentation", Augmentation))
    for where, section in sections:
        for theirs, ours in section.aliases.items():
            taken.setdefault(f"{where}.{ours}", set()).add(theirs)
    assert listed == taken


def test_a_key_that_is_nearly_one_of_the_table_is_that_one():
    assert unknown_key("Batch-Size", ["batch_size"]).startswith("unknown key; did you mean 'batch_size'?")
    assert unknown_key("epoch", ["epochs"]).startswith("unknown key; did you mean 'epochs'?")
    assert unknown_key("width", ["head", "show"], advise=False) == "unknown key. Known: head, show"


def test_messages_do_not_grow_with_what_they_show():
    many = [f"a rather long name of something {number}" for number in range(100_000)]
    assert len(listed(many)) < 500
    assert listed(many).endswith("more)")
    assert len(listed(["x" * 5000])) < 100
    assert len(unknown("y" * 100_000, many, "thing")) < 700
    assert len(short("z" * 5000)) == 80

    class Strange:
        def __repr__(self):
            raise RuntimeError("no")

    assert shown(Strange()) == "a Strange that is too long to show"
    assert "\n" not in shown(type("Lines", (), {"__repr__": lambda self: "a\nb"})())
