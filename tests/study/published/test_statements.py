"""[[original.statement]]: what is read, what is refused and how, and what is left of it in a smaller study."""

import pytest

from handgrad.errors import HandgradError
from handgrad.report.reproduced import claims, curve_claims, gradient_claims
from handgrad.study.published.figure_options import load
from handgrad.study.published.statements import CLAIMS, Statement
from handgrad.study.reading.loading import load_study, make_study

GRID = {"training": {"optimizer": {"lr": [0.01, 0.1]}}, "network": {"hidden": [4, 6]}}
SAID = {"says": "larger is better", "where": "l. 3", "claim": "better", "setting": "1", "than": "2"}


def tables(*statements, **more):
    return {"name": "said", "data": {"name": "digits"}, "grid": GRID,
            "original": {"title": "Digits", "statement": list(statements)}, **more}  # fmt: skip


def refusal(*statements):
    with pytest.raises(HandgradError) as error:
        make_study(tables(*statements))
    return str(error.value)


def test_a_statement_is_read_and_written_again(tmp_path):
    study = make_study(tables(SAID, {**SAID, "setting": [{"network": {"hidden": 4}}], "measure": "test_accuracy"}))
    first, second = study.spec.original.statement
    assert (first.setting, first.than, first.phase, first.verbatim) == (("1",), ("2",), ("main",), True)
    assert second.setting == ({"network.hidden": 4},)
    (tmp_path / "study.toml").write_text(study.toml())
    again = load_study(tmp_path / "study.toml").spec.original.statement
    assert again == (first, second)


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_has_a_judge(name):
    assert load(CLAIMS[name].judge).__module__ in {one.__name__ for one in (claims, curve_claims, gradient_claims)}
    assert load(CLAIMS[name].judge).__doc__


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"claim": "beter"}, "original.statement 1.claim is an unknown claim 'beter'; did you mean 'better'?"),
        ({"than": None}, 'original statement "larger is better".than is missing: claim \'better\' compares two, as in '
                         'than = "baseline"'),
        ({"claim": "learns"}, "original statement \"larger is better\".than: claim 'learns' takes none; take it out"),
        ({"along": "network.hidden"}, ".along: claim 'better' takes none; take it out"),
        ({"level": 0.9}, ".level: claim 'better' takes none; take it out"),
        ({"claim": "reaches", "than": None}, ".level is missing: claim 'reaches' needs a number, such as 0.95"),
        ({"margin": 0.1}, ".margin: claim 'better' takes none; take it out"),
        ({"claim": "rises", "than": None}, ".along is missing: claim 'rises' needs an axis or a measure, such as "
                                           "network.hidden"),
        ({"claim": "overfits", "measure": "val_loss"}, ".measure: claim 'overfits' takes none; take it out"),
        ({"claim": "faster", "measure": "seconds"}, ".measure is an unknown measure 'seconds'"),
        ({"claim": "rises", "than": None, "along": "network.hiden"}, ".along is an unknown axis 'network.hiden'; did "
                                                                     "you mean 'network.hidden'?"),
        ({"setting": "7"}, ".setting is an unknown setting '7'"),
        ({"than": {"network": {"hidden": 5}}}, '.than must be a setting of phase "main"; none has network.hidden = 5'),
        ({"phase": "second"}, ".phase is an unknown phase 'second'"),
        ({"claim": "best", "setting": ["1", "2"], "than": None}, ".setting must be one setting: claim 'best'; got 2"),
        ({"says": ""}, "original.statement 1.says must be text, and not empty"),
        ({"where": None}, "original.statement 1.where"),
        ({"sayd": "x"}, "original.statement 1.sayd"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_the_remedy(change, message):
    given = {key: value for key, value in {**SAID, **change}.items() if value is not None}
    assert message in refusal(given)


def test_statements_are_tables():
    with pytest.raises(HandgradError, match=r"original.statement must be written as \[\[original.statement\]\] tables"):
        make_study({**tables(), "original": {"title": "x", "statement": "better"}})


def test_a_statement_whose_setting_is_gone_or_has_moved_is_not_run(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(make_study(tables(SAID, {**SAID, "setting": "4", "than": "3"})).toml())
    whole = load_study(path).spec.original.statement
    assert [one.run for one in whole] == [True, True]
    fewer = load_study(path, overrides=["grid.training.optimizer.lr=[0.1]"]).spec.original.statement
    assert [one.run for one in fewer] == [False, False]  # 3 and 4 are 1 and 2 now


def test_a_claim_of_ones_own_is_one_more_record(monkeypatch):
    from handgrad.study.published.statements import Claim

    monkeypatch.setitem(CLAIMS, "odd", Claim("is odd", lambda claimed: None, than="none"))
    (one,) = make_study(tables({"says": "odd", "where": "l. 1", "claim": "odd"})).spec.original.statement
    assert isinstance(one, Statement)
