"""Sections: every problem at once, as plain sentences with path, value, range and the nearest name."""

from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import BeforeValidator

from handgrad.errors import InputError
from handgrad.sections import NamedSection, Section, flag, one_of, real, whole


class Kind(Section):
    name: str


class Plain(Kind):
    name: Literal["plain"] = "plain"
    rate: Annotated[float, BeforeValidator(real("(0, inf)"))] = 0.1


class Fancy(Kind):
    aliases: ClassVar = {"learning_rate": "rate"}
    name: Literal["fancy"] = "fancy"
    rate: Annotated[float, BeforeValidator(real("[0, 1)"))] = 0.1
    count: Annotated[int, BeforeValidator(whole("[1, 5]"))] = 1


KINDS = {"plain": Plain, "fancy": Fancy}


class Table(Section):
    kind: Annotated[Kind, NamedSection(KINDS, "kind")] = Plain()
    other: Annotated[Kind, NamedSection(KINDS, "kind")] | None = None
    inner: Fancy = Fancy()
    colour: Annotated[str, BeforeValidator(one_of(("red", "green"), "colour"))] = "red"
    on: Annotated[bool, BeforeValidator(flag)] = True
    needed: Annotated[int, BeforeValidator(whole())]


class Other(Kind):
    name: Literal["other"] = "other"
    depth: Annotated[int, BeforeValidator(whole("[1, 5]"))] = 1


def lines(**values):
    return Table.read({"needed": 1, **values}, prefix="t")[1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"kind": {"name": "fancy", "rate": 1.0}}, "t.kind.rate must be in [0, 1); got 1.0"),
        ({"kind": {"name": "fancy", "rate": "a"}}, "t.kind.rate must be a number in [0, 1); got 'a'"),
        ({"kind": {"name": "fancy", "rate": float("nan")}}, "t.kind.rate must be a number in [0, 1); got nan"),
        ({"kind": {"name": "fancy", "rate": True}}, "t.kind.rate must be a number in [0, 1); got True"),
        ({"kind": {"name": "plain", "rate": 0}}, "t.kind.rate must be > 0; got 0"),
        ({"kind": {"name": "fancy", "count": 1.0}}, "t.kind.count must be a whole number in [1, 5]; got 1.0"),
        ({"kind": {"name": "fancy", "count": 6}}, "t.kind.count must be in [1, 5]; got 6"),
        ({"kind": {"name": "fanci"}}, "t.kind is an unknown kind 'fanci'; did you mean 'fancy'? Known: plain, fancy"),
        ({"kind": "zzz"}, "t.kind is an unknown kind 'zzz'. Known: plain, fancy"),
        ({"kind": 3}, "t.kind must name its kind, as in { name = 'plain' }; known: plain, fancy"),
        (
            {"kind": {"name": "fancy", "cuont": 6}},
            "t.kind.cuont is an unknown key; did you mean 'count'? Known: name, rate, count",
        ),
        (
            {"other": {"name": "fancy", "cuont": 6}},
            "t.other.cuont is an unknown key; did you mean 'count'? Known: name, rate, count",
        ),
        ({"kind": Table}, "t.kind must name its kind, as in { name = 'plain' }; known: plain, fancy"),
        ({"kind": Other()}, "t.kind must be one of: plain, fancy; got Other(name='other', depth=1)"),
        ({"inner": {"rat": 6}}, "t.inner.rat is an unknown key; did you mean 'rate'? Known: name, rate, count"),
        ({"inner": 3}, "t.inner must be a table; got 3"),
        ({"colour": "gren"}, "t.colour is an unknown colour 'gren'; did you mean 'green'? Known: red, green"),
        ({"colour": 3}, "t.colour must be the name of one colour: red, green; got 3"),
        ({"on": 1}, "t.on must be true or false; got 1"),
        ({"xyz": 1}, "t.xyz is an unknown key. Known: kind, other, inner, colour, on, needed"),
        (
            {"inner": {"rate": 0.1, "learning_rate": 0.1}},
            "t.inner has both 'learning_rate' and 'rate', which mean the same; keep 'rate'",
        ),
    ],
)
def test_one_problem_is_one_sentence(values, expected):
    assert lines(**values) == [expected]


def test_a_section_put_into_the_table_later_is_known_with_its_keys_and_messages(monkeypatch):
    monkeypatch.setitem(KINDS, "other", Other)
    assert lines(kind={"name": "other", "depht": 2}) == [
        "t.kind.depht is an unknown key; did you mean 'depth'? Known: name, depth"
    ]
    assert lines(kind={"name": "other", "depth": 6}) == ["t.kind.depth must be in [1, 5]; got 6"]
    table = Table(needed=2, kind={"name": "other", "depth": 3}, other=Other())
    assert table.model_dump(mode="json")["kind"] == {"name": "other", "depth": 3}
    assert Table.read(table.model_dump(mode="json"))[0] == table


def test_all_problems_come_at_once():
    section, problems = Table.read({"colour": "gren", "inner": {"rate": 2, "x": 1}})
    assert section is None
    assert problems == [
        "inner.rate must be in [0, 1); got 2",
        "inner.x is an unknown key. Known: name, rate, count",
        "colour is an unknown colour 'gren'; did you mean 'green'? Known: red, green",
        "needed is missing",
    ]


def test_an_alias_is_stored_under_our_name_with_a_note():
    notes = []
    section, _ = Table.read({"needed": 1, "inner": {"learning_rate": 0.5}}, notes=notes)
    assert section.inner == Fancy(rate=0.5)
    assert notes == ["'learning_rate' is read as 'rate'"]


def test_a_section_made_in_python_has_the_same_messages():
    with pytest.raises(InputError, match=r"^rate must be in \[0, 1\); got 2$"):
        Fancy(rate=2)


def test_a_section_cannot_be_changed_but_copied():
    with pytest.raises(Exception, match="frozen"):
        Fancy().rate = 0.5
    assert Fancy(count=2).changed(rate=0.5) == Fancy(rate=0.5, count=2)
    with pytest.raises(InputError, match="must be in"):
        Fancy().changed(rate=1)


def test_what_is_written_out_reads_back_as_it_was():
    table = Table(needed=2, kind={"name": "fancy", "rate": 0.25})
    assert Table.read(table.model_dump(mode="json"))[0] == table


def test_a_misspelt_key_that_must_be_given_is_said_once():
    class Needs(Section):
        margin: float

    assert Needs.read({"margn": 0.1}, prefix="t")[1] == [
        "t.margn is an unknown key; did you mean 'margin'? Known: margin"
    ]
    assert len(Needs.read({"colour": 0.1}, prefix="t")[1]) == 2
