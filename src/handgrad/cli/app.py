"""Every command in one command line."""

import os
import sys
from typing import Annotated, Any

import typer
from typer import Option

from handgrad import __version__
from handgrad.cli import checks, completion, networks, past, studies, study_files

RESULTS = ("run", "report")  # commands whose results are files; what they print is a summary


class Commands(typer.core.TyperGroup):
    """The commands, without what the library makes of errors: an EOFError would be printed as "Aborted!"."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (EOFError, OSError) as error:
            raise Failed(error) from None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands with whole sentences, where the library would cut them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, (self.commands[name].help or "").split("\n\n")[0]) for name in self.commands])


class Failed(Exception):
    """Carries an error past the library."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


app = typer.Typer(
    name="handgrad",
    cls=Commands,
    help="A laboratory for small neural networks: one study file, every run, one report.",
    epilog="Start with:  handgrad run quickstart",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for _commands in (study_files.commands, studies.commands, past.commands, checks.commands, networks.commands):
    app.add_typer(_commands)


def call() -> int:
    """Do what the command line says -> the exit code.  Errors of every kind are raised."""
    if completion.ASKED in os.environ:
        completion.complete(typer.main.get_group(app))
        return 0
    try:
        code = app()
    except Failed as carried:
        raise carried.error from None
    return code if isinstance(code, int) else 0


def writes_results() -> bool:
    """Whether the command that was given leaves its results in files."""
    return next((word for word in sys.argv[1:] if not word.startswith("-")), None) in RESULTS


def _version(asked: bool) -> None:
    if asked:
        print(f"handgrad {__version__}")
        raise typer.Exit


def _show_completion(shell: str | None) -> None:
    if shell is not None:
        from handgrad.cli.shells import script

        print(script(shell), end="")
        raise typer.Exit


def _install_completion(shell: str | None) -> None:
    if shell is not None:
        from handgrad.cli.shells import install

        print(install(shell))
        raise typer.Exit


Version = Annotated[bool, Option("--version", callback=_version, is_eager=True, help="Print the version.")]


InstallCompletion = Annotated[
    str | None,
    Option(
        "--install-completion",
        metavar="SHELL",
        callback=_install_completion,
        is_eager=True,
        help="Complete handgrad in bash, zsh or fish from now on.",
    ),
]
ShowCompletion = Annotated[
    str | None,
    Option(
        "--show-completion",
        metavar="SHELL",
        callback=_show_completion,
        is_eager=True,
        help="Print the script that does it.",
    ),
]


@app.callback()
def _options(
    version: Version = False, install_completion: InstallCompletion = None, show_completion: ShowCompletion = None
) -> None:
    pass
