"""What the terminal shows of a study: of many settings the ten best, the sentences, and where the others are."""

from pathlib import Path

from handgrad.cli.console import print_summary
from handgrad.report.findings.summarize import summarize
from handgrad.study import load_study, run_study
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome


def lines_of(folder, capsys):
    print_summary(summarize(Results.open(folder)), None, Path("r") / "tables")
    return capsys.readouterr().out.splitlines()


def test_of_many_settings_the_ten_best_are_shown(make_results, capsys):
    tables = {"seeds": 2, "grid": {"network": {"hidden": list(range(2, 27))}}}
    lines = lines_of(make_results(tables, lambda s, seed: Outcome(0.4 + 0.02 * int(s.label) + 0.01 * seed)), capsys)
    start = next(i for i, line in enumerate(lines) if line.startswith("setting"))
    assert [line.split()[0] for line in lines[start + 1 : start + 11]] == [str(label) for label in range(25, 15, -1)]
    assert lines[start + 11] == "… and 15 more settings, worse than these: r/tables/summary.csv"
    assert any(line.startswith("  Setting 25: hidden 26 is best by validation accuracy: ") for line in lines)


def test_few_settings_stand_in_the_order_of_the_plan(make_results, capsys):
    tables = {"seeds": 2, "grid": {"network": {"hidden": list(range(2, 14))}}}
    lines = lines_of(make_results(tables, lambda s, seed: Outcome(0.4 + 0.02 * int(s.label) + 0.01 * seed)), capsys)
    start = next(i for i, line in enumerate(lines) if line.startswith("setting"))
    assert [line.split()[0] for line in lines[start + 1 : start + 13]] == [str(label) for label in range(1, 13)]
    assert not any("more settings" in line for line in lines)


def test_the_method_is_said_once_for_the_leading_phase(make_results, capsys):
    tables = {
        "seeds": 3,
        "grid": {"network": {"hidden": [4, 6]}},
        "phase": [{"name": "batch size", "grid": {"training": {"batch_size": [8, 16]}}}],
    }
    accuracy = {"1": 0.8, "2": 0.85, "2_1": 0.93, "2_2": 0.7}
    lines = lines_of(make_results(tables, lambda s, seed: Outcome(accuracy[s.label] + 0.01 * seed)), capsys)
    said = [i for i, line in enumerate(lines) if line.startswith("  Method: ")]
    assert len(said) == 1
    assert said[0] > lines.index("batch size")
    assert sum("The best was chosen on the numbers shown" in line for line in lines) == 1


def test_the_readme_shows_what_the_quickstart_prints(tmp_path, capsys):
    """By the reference engine, which needs no compiling: accuracies of so short a training are those of all."""
    folder = run_study(load_study("quickstart", ["training.engine=array"]), tmp_path / "quickstart", jobs=1).folder
    printed = "\n".join(lines_of(folder, capsys))
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    sample = readme[readme.index("```\nmain\n") + 4 :].partition("\n```")[0]
    parts = [part.strip("\n") for part in sample.split("\n  …") if part]  # "…": lines left out
    assert len(parts) == 2
    for part in parts:
        assert part in printed, f"README.md shows this, and the study does not print it: {part}"
