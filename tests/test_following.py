"""What is said of a study after Ctrl-C, also where a library made an error of its own of it."""

import pytest

from handgrad.cli import following
from tests.study.troubles import Outer


def interrupted():
    raise KeyboardInterrupt


def wrong():
    raise ValueError("odd")


@pytest.fixture
def told(tmp_path, monkeypatch):
    """told(what happens) -> the folders of which it was said how far they are; the error goes on."""
    folders = []
    monkeypatch.setattr(following, "_tell_how_far", folders.append)

    def follow(what):
        with following.following(tmp_path, None) as followed:
            followed.begun = True
            what()

    return folders, follow


@pytest.mark.parametrize("what", [interrupted, Outer().model_dump])
def test_an_interrupt_is_one_whoever_raises_it(tmp_path, told, what):
    folders, follow = told
    with pytest.raises(KeyboardInterrupt):
        follow(what)
    assert folders == [tmp_path]


def test_an_error_is_none(told):
    folders, follow = told
    with pytest.raises(ValueError, match="odd"):
        follow(wrong)
    assert folders == []
