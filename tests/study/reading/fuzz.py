"""Study files as nobody should write them: every one is refused with one message, or is a study that reads back equal.

The suite tries some (`test_fuzz`).  Many, by hand, from the project's folder:

    python -m tests.study.reading.fuzz 8000 [first]
"""

import random
import re
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path

from handgrad.errors import InputError
from handgrad.study import Plan, load_study, make_study, ready_made

SMALL = """
name = "small"
seeds = 2
select_by = "val_loss"

[data]
name = "digits"
scale = "unit"
validation = { size = 0.1, from = "train", stratify = true, seed = 1 }
test = { size = 200 }
train = { size = 300, pick = "random", seed = 3 }

[network]
hidden = [8, 4]
activation = "tanh"
dropout = 0.1
init = { name = "he", distribution = "uniform" }

[training]
loss = "cross-entropy"
optimizer = { name = "adam", lr = 0.01, beta1 = 0.9, eps = 1e-7 }
schedule = { name = "steps", at = [1, 2], factor = 0.5 }
early_stopping = { patience = 3, monitor = "val_loss" }
batch_size = "full"
epochs = 2
clip_norm = 1.5

[bundle.case."v1.2"]
training.weight_decay = 0.1
[bundle.case."b"]
training.weight_decay = 0.01

[grid]
training.optimizer.lr = [0.01, 0.1]

[asha]
grace_period = 1
reduction_factor = 2

[budget]
runs = 100
minutes = 3.5

[[phase]]
name = "second"
one_factor.training.epochs = [3, 4]
one_factor.network.layers = [["dense 8 relu", "dropout 0.5", "dense 10 softmax"]]

[[phase]]
name = "drawn"
after = "main"
[phase.random]
runs = 3
seed = 2
training.optimizer.lr = { log_uniform = [1e-4, 1e-2] }
training.weight_decay = { uniform = [0, 0.5] }
training.batch_size = { integers = [5, 20] }
network.init.distribution = { choice = ["normal", "uniform"] }

[[phase]]
name = "on"
continue = true
set.training.epochs = 1

[[figure]]
title = "Both"
kind = "epochs"
settings = ["1", "2"]
options = { measures = "loss", log = "yes" }

[original]
title = "Theirs"
n = 1
[[original.table]]
number = "Table 1"
title = "All"
columns = [{ head = "Run", show = "original" }, { head = "Accuracy", show = "test_accuracy", unit = "percent" }]
rows = [
  { label = "1", test_accuracy = 85.3 }, { label = "2", test_accuracy = [96.5, 1] },
  { label = "3", test_accuracy = "diverged" }, { label = "4" },
]

[quick]
seeds = 1
training.epochs = 1
"""
VALUES = [
    *("0", "-1", "1", "2.5", "1e308", "-1.7e308", "inf", "nan", "1e-320", "9223372036854775807", "9223372036854775808"),
    *("0x" + "f" * 400, "9" * 4000, "9" * 5000, "1_000_000_000_000", "1180591620717411303424", "100001", "99999"),
    *("true", "false", '""', '"."', '"../.."', '"/"', '"\\u0000"', '"\\uFFFF"', '"é☃𝕏"', '"a.b"', '"a b"', "'**'"),
    *('"' + "x" * 20_000 + '"', '"full"', '"auto"', '"gelu"', '"adam"', '"mse"', '"tanh"', '"standard"', '"cuda"'),
    *("[]", "[[]]", "{}", "[1]", "[1, 1]", "[1, 1.0]", "[[1], [1]]", "[{}]", '["a", "a"]', "[" * 30 + "]" * 30),
    *("[" * 3000 + "]" * 3000, "[0, 1]", "[1, 0]", "[-1, 1e308]", "[-1.7e308, 1.7e308]", "[" + "1," * 5000 + "]"),
    *(
        '{ name = "adam" }',
        '{ name = "sgd", lr = 0.1 }',
        "{ name = 3 }",
        '{ name = "none" }',
        "{ a = { b = { c = 1 } } }",
    ),
    *(
        "1979-05-27",
        "07:32:00",
        "1979-05-27T07:32:00Z",
        "[1979-05-27]",
        "{ uniform = [0, 1] }",
        "{ choice = [1, [2]] }",
    ),
    *("{ log_uniform = [1e-300, 1e300] }", "{ integers = [-9223372036854775808, 9223372036854775807] }"),
    *('"dense 8 gelu"', '["dense 10 softmax"]', '["conv 6 5x5 relu", "dense 10 softmax"]', '["dense ² relu"]'),
    *('["dense ' + "9" * 5000 + ' relu", "dense 10 softmax"]', '["dense 1e9 relu"]', '["conv 8 999999999x2 pad 3"]'),
    *('["dense 99999999999999999999 relu", "dense 10 softmax"]', '["batch-norm", "dense 10"]', '["dropout nan"]'),
]
KEYS = [
    *("seeds", "name", "training.epochs", "training.optimizer.lr", "network.hidden", "network.layers", "lr", "hidden"),
    *("grid.training.epochs", "grid.data.validation.seed", "grid.network", "grid.x", "grid", "random.runs", "random"),
    *("random.training.epochs", "bundle.a.b", "bundle.a", 'bundle."v1.2".b.training.epochs', "variant.a", "variant"),
    *("one_factor.training.epochs", "asha.epochs", "asha", "budget.epochs", "budget", "quick.seeds", "quick"),
    *("quick.phase.second", "phase", "figure", "original", "original.n", "made", "made.changes", "description"),
    *(
        '"training.epochs"',
        'grid."training.epochs"',
        "training.optimizer",
        "training.schedule",
        "data.name",
        "data.scale",
    ),
    *("data.validation", "data.test.size", "data.image_size", "data.label", "training.stack", "training.device"),
    *(
        "training.engine",
        "training.arrays",
        "training.dtype",
        "training.batch_size",
        "select_on_test",
        "ddof",
        "k" * 3000,
    ),
    *(
        "a." * 3000 + "b",
        "a." * 30 + "b",
        '"' + "\\u0001" + '"',
        '""',
        "training.early_stopping.patience",
        "network.init.std",
    ),
]
VALUE = re.compile(r"""(?<== )(?:"[^"\n]*"|\[[^\[\]\n]*\]|\{[^{}\n]*\}|[-\w.+]+)|(?<=[\[, ])[-+\d.e]+(?=[,\] ])""")


def mutated(rng: random.Random, text: str) -> bytes:
    """A file with some things in it wrong."""
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        text = rng.choice([_value, _value, _value, _line, _line, _lines, _signs])(rng, text)
    content = text.encode("utf-8", "surrogatepass")
    kind = rng.random()
    if kind < 0.05 and content:
        place = rng.randrange(len(content))
        content = content[:place] + rng.randbytes(rng.choice([1, 1, 4, 30])) + content[place + 1 :]
    elif kind < 0.07:
        content = rng.choice([text.encode("utf-16", "replace"), text.encode("utf-32", "replace"), rng.randbytes(300)])
    elif kind < 0.09:
        content = rng.choice([b"\xef\xbb\xbf" + content, content.replace(b"\n", b"\r\n"), content[: len(content) // 2]])
    return content


def _value(rng: random.Random, text: str) -> str:
    places = list(VALUE.finditer(text))
    if not places:
        return text
    place = rng.choice(places)
    if rng.random() < 0.5:  # what stands somewhere else, or a number as people write them
        there = rng.choice(
            [place[0] for place in places] + ["1", "2", "3", "0.1", "0.5", "[1, 2]", "[0.1, 0.2]", "1e300"]
        )
        return text[: place.start()] + there + text[place.end() :]
    return text[: place.start()] + rng.choice(VALUES) + text[place.end() :]


def _line(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    lines.insert(rng.randrange(len(lines)), f"{rng.choice(KEYS)} = {rng.choice(VALUES)}")
    return "\n".join(lines)


def _lines(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    here, there = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.randrange(4)
    if what == 0:
        del lines[here]
    elif what == 1:
        lines.insert(there, lines[here])
    elif what == 2:
        lines[here], lines[there] = lines[there], lines[here]
    else:
        lines[here] = rng.choice(
            ["[grid]", "[[phase]]", "[random]", "[training]", '[bundle.a."b"]', "[x]", "[quick.grid]"]
        )
    return "\n".join(lines)


def _signs(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text) + 1)
    return (
        text[:place]
        + rng.choice(["", "\0", '"', "[", "]", "=", ".", "#", "\n", "é", "\ufeff", "-", "9"])
        + text[place + 1 :]
    )


def problem(content: bytes, folder: Path, *, plan: bool = False, quick: bool = False) -> tuple[str, str | None]:
    """(what became of a file: "study" or "refused", what is wrong with that)."""
    path = folder / "s.toml"
    path.write_bytes(content)
    try:
        study = load_study(path, quick=quick)
    except InputError as refusal:
        return "refused", bad_message(str(refusal))
    written = study.toml()
    again = make_study(tomllib.loads(written), folder=study.folder)
    if again.toml() != written or again.phases != study.phases or again.base != study.base:
        return "study", "does not read back equal"
    if plan:
        try:
            Plan(study)
        except InputError as refusal:
            return "study", bad_message(str(refusal))
    return "study", None


def bad_message(text: str) -> str | None:
    """What is wrong with a message, None where nothing is."""
    if "is not a study, or is damaged" in text:
        return f"an error that nobody foresaw: {text[:300]}"
    if len(text) > 30_000 or max(map(len, text.split("\n"))) > 900:
        return f"a message of {len(text)} signs, its longest line of {max(map(len, text.splitlines()))}: {text[:200]}"
    return None


def texts() -> list[str]:
    """The files that are mutated."""
    return [SMALL] * 4 + [file.read_text("utf-8") for file in ready_made().values()]


def main(n: int, first: int = 0) -> int:
    originals, kinds, wrong, slowest = texts(), Counter[str](), 0, (0.0, 0)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + n):
            rng = random.Random(seed)
            original = rng.choice(originals)
            content, started = mutated(rng, original), time.perf_counter()
            try:
                small = original is SMALL and rng.random() < 0.5
                kind, fault = problem(content, Path(folder), plan=small, quick=not small and rng.random() < 0.3)
            except Exception as error:
                kind, fault = "escape", f"{type(error).__name__}: {str(error)[:300]}"
            kinds[kind] += 1
            slowest = max(slowest, (time.perf_counter() - started, seed))
            if fault:
                wrong += 1
                print(f"seed {seed}: {kind}: {fault}", flush=True)
    print(f"{n} files: {dict(kinds)}, {wrong} wrong; slowest {slowest[0]:.1f} s (seed {slowest[1]})")
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main(*map(int, sys.argv[1:])) else 0)
