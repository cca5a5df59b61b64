"""Commands of study files: new, schema."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from handgrad.cli.options import Json, print_json
from handgrad.errors import InputError

commands = typer.Typer()


@commands.command(epilog="Example:  handgrad new digits --to digits.toml")
def new(
    source: Annotated[str, Argument(metavar="DATA", help="A data set (see: handgrad data), or a file or folder.")],
    overrides: Annotated[
        list[str] | None, Argument(metavar="KEY=VALUE", help="Keys of [data], e.g. data.label=species.")
    ] = None,
    to: Annotated[Path, Option("--to", metavar="FILE", help="The file that is written.")] = Path("study.toml"),
    json: Json = False,
) -> None:
    """Write a first study of data: a grid that takes about a minute, and all useful keys as comments."""
    from handgrad.cli import console
    from handgrad.study.first_study import first_study

    if to.suffix != ".toml":
        raise InputError(f"--to {to}: a study file ends in .toml; give such a name")
    if to.exists():
        raise InputError(f"{to}: is there already and is not written over; give another name with --to")
    if not to.parent.is_dir():
        raise InputError(f"{to}: there is no folder {to.parent}; make it first")
    made = first_study(source, _of_data(overrides or ()), to.parent)
    _write(to, made.text)
    named = shlex.quote(str(to))
    if json:
        print_json({"file": str(to), "runs": made.runs, "seconds": made.seconds, "notes": list(made.notes)})
        return
    for note in made.notes:
        console.say(f"note: {note}")
    console.print_line(made.about)
    console.print_line(f"{to}: {made.runs} runs, about {console.duration(made.seconds)} and the report")
    print(f"\nhandgrad plan {named}    what will run, and how long it takes")
    print(f"handgrad run {named}     runs it and writes the report")


def _of_data(overrides: Any) -> dict[str, Any]:
    """Keys of [data] from changes of the command line."""
    from handgrad.study.reading.overrides import change_of

    found: dict[str, Any] = {}
    for text in overrides:
        change = change_of(text)
        if list(change) != ["data"] or not isinstance(change["data"], dict):
            raise InputError(f"{text}: only keys of the data can be given here, as in data.label=species")
        found |= change["data"]
    return found


@commands.command(epilog="Example:  handgrad schema --to handgrad.schema.json")
def schema(
    to: Annotated[
        Path | None, Option("--to", metavar="FILE", help="Write it into a file.  [default: print it]")
    ] = None,
) -> None:
    """Give the JSON Schema of study files, by which editors complete, explain and check them."""
    from handgrad.study.reading.file_schema import study_schema

    made = study_schema()
    text = json.dumps(made, ensure_ascii=False) + "\n"
    if to is None:
        print(text, end="")
        return
    if to.exists() and json.dumps(made["title"]) not in to.read_text("utf-8", errors="replace")[:500]:
        raise InputError(f"{to}: is there already and is no schema of studies; give another name")
    _write(to, text)
    print(f"{to}: editors take it for a study file that begins with the line  #:schema ./{to.name}")


def _write(path: Path, text: str) -> None:
    from handgrad.files import write_whole

    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
