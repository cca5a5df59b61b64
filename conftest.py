"""Doctests of modules whose library is not there are left out."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("ray") else [f"src/handgrad/study/{name}.py" for name in ("cluster", "joining")]
