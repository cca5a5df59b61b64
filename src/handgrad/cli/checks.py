"""Commands that check what everything rests on: data sets and gradients."""

from typing import Annotated

import typer
from typer import Argument, Option

from handgrad.cli.options import Json, print_json

commands = typer.Typer()


@commands.command(epilog="Example:  handgrad data mnist")
def data(
    names: Annotated[list[str] | None, Argument(metavar="NAME", help="Data sets to fetch if missing.")] = None,
    json: Json = False,
) -> None:
    """Say which data sets are here, where, and whether they are the published bytes; fetch those that are named."""
    from handgrad.cli import console
    from handgrad.data import catalog
    from handgrad.files import size_text

    found = [catalog.fetch(name, say=console.say) for name in names or []]
    found = found or [catalog.status(name) for name in catalog.DATASETS]
    if json:
        keys = ("name", "about", "present", "verified", "size")
        print_json([{key: getattr(one, key) for key in keys} | {"path": str(one.path or "")} for one in found])
        return
    rows = []
    for one in found:
        state = "missing" if not one.present else "verified" if one.verified else "other bytes than published"
        where = one.path or (
            f"with {one.library or 'Python'}" if one.present else f"fetch with: handgrad data {one.name}"
        )
        rows.append((one.name, state, size_text(one.size) if one.size else "", where, one.about))
    console.print_table(("data set", "state", "size", "where", "what"), rows, numeric=[2])


@commands.command(epilog="Example:  handgrad gradcheck")
def gradcheck(
    full: Annotated[bool, Option("--all", help="Print every combination, not one line per output and loss.")] = False,
    json: Json = False,
) -> None:
    """Check every gradient written by hand against central differences, in all combinations that make sense."""
    from handgrad.cli import console
    from handgrad.network.gradcheck import TOLERANCES, all_combinations, check_combination

    groups: dict[tuple[str, ...], list[float]] = {}
    for one in all_combinations():
        worst = max(row.error for row in check_combination(one))
        group = (str(one),) if full else (one.output, one.loss, one.targets)
        groups.setdefault(group, []).append(worst)
    limit = TOLERANCES["central differences"]
    rows = [(*group, len(errors), f"{max(errors):.1e}") for group, errors in groups.items()]
    checked, worst = sum(map(len, groups.values())), max(map(max, groups.values()))
    if json:
        print_json({"combinations": checked, "largest_error": worst, "tolerance": limit, "ok": worst <= limit})
    else:
        headings = ("combination",) if full else ("output", "loss", "targets")
        console.print_table((*headings, "checked", "largest error"), rows, numeric=[len(headings), len(headings) + 1])
        verdict = "all right" if worst <= limit else "WRONG"
        print(f"\n{checked} combinations, largest relative error {worst:.1e}, allowed {limit:.0e}: {verdict}")
    if not worst <= limit:
        raise typer.Exit(1)
