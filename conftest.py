"""Doctests of modules whose library is not there are left out."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("ray") else ["src/handgrad/study/cluster"]
