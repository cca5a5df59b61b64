"""What a shell offers while a command line is written: commands, options, studies, results, runs, keys, names.

A shell's script (`shells`) calls `handgrad` with `_HANDGRAD_COMPLETE` set; what is printed then are the candidates,
one a line, each with a tabulator and what it is.  It only looks into folders, and loads nothing heavy.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from handgrad.keys import study_keys

ASKED = "_HANDGRAD_COMPLETE"  # the shell that asks: bash, zsh or fish
LINE = "_HANDGRAD_LINE"  # bash: the line up to the cursor, which its own words would break at = and :
WORDS, WORD = "_HANDGRAD_WORDS", "_HANDGRAD_WORD"  # the others: the words before that at the cursor, and that one
BREAKS = "_HANDGRAD_BREAKS"  # bash: the signs after which it completes anew
MOST = 300  # candidates of one kind
STUDIES = Path(__file__).parents[1] / "study" / "studies"
PLANNED = "plan.json"  # what a results folder has

Found = tuple[str, str]  # a candidate, and what it is


def complete(group: Any) -> None:
    """Print the candidates for the line that a shell asks about.  group: the commands."""
    if os.environ[ASKED] == "bash":
        words, word = split_line(os.environ.get(LINE, ""))
    else:
        words = [unquoted(one) for one in os.environ.get(WORDS, "").splitlines()]
        word = unquoted(os.environ.get(WORD, ""))
    for value, about in candidates(group, words[1:], word):
        if os.environ[ASKED] == "bash":
            print(_for_bash(value, word))
        else:
            print(f"{value}\t{' '.join(about.split())}")


def _for_bash(value: str, word: str) -> str:
    """A candidate without what bash takes for words before it, and safe within a line."""
    breaks = os.environ.get(BREAKS, "=:")
    start = max(word.rfind(sign) for sign in "=:" if sign in breaks) + 1 if any(s in breaks for s in "=:") else 0
    return re.sub(r"([^\w\-+=:./,@%^])", r"\\\1", value[start:])


def split_line(line: str) -> tuple[list[str], str]:
    """(the words before the cursor, the word at it) of a line that may end within quotes.

    >>> split_line("handgrad run 'my st"), split_line("handgrad run ")
    ((['handgrad', 'run'], 'my st'), (['handgrad', 'run'], ''))
    """
    parts = re.findall(r"""(?:\\.|"(?:\\.|[^"\\])*(?:"|$)|'[^']*(?:'|$)|[^\s"'\\])+""", line)
    words = [unquoted(part) for part in parts]
    ended = not parts or not line.endswith(parts[-1])
    return (words, "") if ended else (words[:-1], words[-1])


def unquoted(word: str) -> str:
    r"""A word as the shell hands it on, though its quotes may not be closed yet.

    >>> unquoted(r"my\ study"), unquoted('"my st')
    ('my study', 'my st')
    """
    found, quote, escaped = "", "", False
    for sign in word:
        if escaped or (quote == "'" and sign != "'"):
            found, escaped = found + sign, False
        elif sign == "\\":
            escaped = True
        elif sign in "'\"" and quote in ("", sign):
            quote = "" if quote else sign
        else:
            found += sign
    return found


def candidates(group: Any, words: Sequence[str], word: str) -> list[Found]:
    """The candidates for `word` after `words`, which follow the name of the program."""
    name = next((one for one in words if not one.startswith("-")), None)
    command = group if name is None else group.commands.get(name)
    if command is None:
        return []
    given = list(words[words.index(name) + 1 :]) if name is not None else list(words)
    options = {text: one for one in command.params if one.param_type_name == "option" for text in one.opts}
    before = given[-1] if given else ""
    if _takes_value(options.get(before)):
        return _values(options[before], name or "", word, given)
    if word.startswith("-") and "=" in word and _takes_value(options.get(word.partition("=")[0])):
        text, _, value = word.partition("=")
        return [(f"{text}={one}", about) for one, about in _values(options[text], name or "", value, given)]
    if word.startswith("-"):
        shown = [(text, one.help or "") for text, one in options.items() if one.multiple or text not in given]
        return _beginning([*shown, ("--help", "Show what the command does.")], word)
    if name is None:
        first = ((one, (group.commands[one].help or "").split("\n")[0]) for one in group.commands)
        return _beginning(first, word)
    place = _place(given, options)
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    here = arguments[min(place, len(arguments) - 1)] if arguments else None
    if here is None or (place >= len(arguments) and here.nargs == 1):
        return []
    return _values(here, name, word, given)


def _takes_value(option: Any) -> bool:
    return option is not None and not option.is_flag


def _place(given: Sequence[str], options: dict[str, Any]) -> int:
    """How many arguments stand in what was given."""
    place, value = 0, False
    for one in given:
        if value or one.startswith("-"):
            value = not value and _takes_value(options.get(one))
        else:
            place += 1
    return place


def _beginning(found: Iterable[Found], word: str) -> list[Found]:
    return [one for one in found if one[0].startswith(word)]


# -- what a parameter takes, by its name


def _values(parameter: Any, command: str, word: str, given: Sequence[str]) -> list[Found]:
    """Candidates for a parameter; none leave it to the shell, which offers files."""
    find = BY_COMMAND.get((command, parameter.name)) or BY_NAME.get(parameter.name)
    return _beginning(find(word, given), word) if find is not None else []


def names(*known: str) -> Callable[[str, Sequence[str]], list[Found]]:
    """Candidates that are always the same."""
    return lambda word, given: [(name, "") for name in known]


def studies(word: str, given: Sequence[str] = ()) -> Iterator[Found]:
    """Ready-made studies, study files, and folders in which some may be."""
    if "/" not in word:
        for path in sorted(STUDIES.glob("*.toml")):
            title = re.search(r'^title\s*=\s*"(.*)"', path.read_text(encoding="utf-8"), re.MULTILINE)
            yield path.stem, title[1] if title else "a ready-made study"
    for name, is_folder in _paths(word):
        if is_folder or name.endswith(".toml"):
            yield name, ""


def results(word: str, given: Sequence[str] = ()) -> Iterator[Found]:
    """Results folders of studies in ./results, and folders."""
    found = set[str]()
    if "results/".startswith(word[:8]):
        for path in sorted(Path("results").glob(f"*/{PLANNED}"))[:MOST]:
            found.add(f"{path.parent.as_posix()}/")
            yield path.parent.as_posix(), "results of a study"
    for name, is_folder in _paths(word):
        if is_folder and name not in found:
            yield name, ""


def runs(word: str, given: Sequence[str] = ()) -> Iterator[Found]:
    """Ids of runs in ./results by how they begin, and folders."""
    if "/" not in word:
        for path in sorted(Path("results").glob(f"*/runs/{_literal(word)}*"))[:MOST]:
            yield path.name, f"a run of {path.parent.parent.name}"
    for name, is_folder in _paths(word):
        if is_folder:
            yield name, ""


def runs_or_files(word: str, given: Sequence[str] = ()) -> Iterator[Found]:
    """The same, and all files: weights may be anywhere."""
    yield from runs(word)
    yield from ((name, "") for name, is_folder in _paths(word) if not is_folder)


def keys(word: str, given: Sequence[str] = ()) -> Iterator[Found]:
    """Keys of a study with = behind them, then the names that they take; those of an axis in [ ]."""
    path, equals, _ = word.partition("=")
    known = study_keys()
    table, _, rest = path.partition(".")
    axis = table in ("grid", "one_factor")
    setting = re.compile(r"(data|network|training)\.")
    if equals:
        key = known.get(rest if axis else path)
        for name in key.names if key is not None else ():
            yield (f"{path}=['{name}']" if axis else f"{path}={name}"), ""
        return
    for key in known.values():
        if key.path.startswith(("phase.", "original", "figure", "made", "quick", "explain")):
            continue
        if axis and setting.match(key.path):
            yield f"{table}.{key.path}=", key.about
        yield f"{key.path}=", key.about


def sources(word: str, given: Sequence[str] = ()) -> Iterator[Found]:
    """What a new study can be of: data sets and files."""
    yield from ((name, "a data set") for name in study_keys()["data.name"].names)
    yield from ((name, "") for name, _ in _paths(word))


def phases(word: str, given: Sequence[str] = ()) -> Iterator[Found]:
    """The phases of the study that is named."""
    text = next((_study_text(one) for one in given if not one.startswith("-")), "")
    yield "main", "the study's own axes"
    for name in re.findall(r'^\[\[phase\]\]\s*(?:#.*)?\n(?:\s*#.*\n)*\s*name\s*=\s*"([^"\n]+)"', text, re.MULTILINE):
        yield name, ""


def _study_text(study: str) -> str:
    path = Path(study) if study.endswith(".toml") else STUDIES / f"{Path(study).name}.toml"
    try:
        return path.read_text(encoding="utf-8")[:200_000]
    except (OSError, ValueError):
        return ""


def _paths(word: str) -> Iterator[tuple[str, bool]]:
    """(path, whether it is a folder) of what begins so; folders end in a slash.  Hidden ones only where asked for."""
    folder, slash, start = word.rpartition("/")
    try:
        with os.scandir(f"{folder}/" if slash else ".") as found:
            entries = sorted((entry.name, entry.is_dir()) for entry in found)
    except (OSError, ValueError):
        return
    for name, is_folder in entries:
        if name.startswith(start) and (start or not name.startswith(".")) and "\n" not in name:
            yield f"{folder}{slash}{name}{'/' * is_folder}", is_folder


def _literal(word: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", word)


FORMATS = ("csv", "parquet", "tensorboard", "optuna", "mlflow", "wandb")
BY_NAME: dict[str, Callable[[str, Sequence[str]], Iterable[Found]]] = {
    "study": studies,
    "overrides": keys,
    "folder": results,
    "first": results,
    "second": results,
    "run": runs,
    "weights": runs_or_files,
    "names": names(*study_keys()["data.name"].names),
    "source": sources,
    "runner": names("serial", "processes", "ray"),
    "column": names(*study_keys()["report.column"].names),
    "phase": phases,
    "part": names("train", "validation", "test"),
    "layout": names("handgrad", "torch", "keras"),
}
BY_COMMAND: dict[tuple[str, str], Callable[[str, Sequence[str]], Iterable[Found]]] = {
    ("new", "overrides"): lambda word, given: (one for one in keys(word) if one[0].startswith("data.")),
    ("export", "run"): lambda word, given: [*runs(word), *results(word)],
    ("export", "form"): names(*FORMATS),
    ("report", "form"): names("html", "pdf"),
}
