"""The command line: every command, and what becomes of errors.

Exit codes: 0 fine, 1 some runs failed, 2 bad input, 130 interrupted.
"""

import sys
from typing import Annotated

import typer
from typer import Option

from handgrad import __version__
from handgrad.cli import checks, networks, studies
from handgrad.errors import HandgradError

INTERRUPTED = 130

app = typer.Typer(
    name="handgrad",
    help="A laboratory for small neural networks: one study file, every run, one report.",
    epilog="Start with:  handgrad run quickstart",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for _commands in (studies.commands, checks.commands, networks.commands):
    app.add_typer(_commands)


def main() -> None:
    """The command line; turns every error of ours into one message and its exit code."""
    try:
        app()
    except HandgradError as error:
        print(f"handgrad: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer turns KeyboardInterrupt into this
            print("handgrad: interrupted; the same command continues where this one stopped", file=sys.stderr)
        raise
    except BrokenPipeError:  # handgrad … | head
        sys.stderr.close()
        sys.exit(0)


def _version(asked: bool) -> None:
    if asked:
        print(f"handgrad {__version__}")
        raise typer.Exit


Version = Annotated[bool, Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def _options(version: Version = False) -> None:
    pass
