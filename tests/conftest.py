"""For every test: what a shell would otherwise decide, and the marks of those that take long.

What a test starts can be interrupted, also where tests are a background job: shells start those with SIGINT ignored,
and `nohup` with SIGHUP.
"""

import os
import signal
from pathlib import Path

os.environ.pop("COLUMNS", None)  # pytest's workers have it, and lines are wrapped to it
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

HERE = Path(__file__).parent
SLOW = {  # mark -> the files and folders of tests that have it; all of them are `slow` as well
    "compiles": (
        "test_additions.py",
        "training/test_calling.py",
        "training/test_compilation.py",
        "training/test_compiled.py",
        "training/test_compiled_images.py",
        "training/test_compiled_kernels.py",
        "training/test_compiled_slips.py",
        "training/test_image_kernels.py",
        "training/test_images.py",
        "training/test_loop.py",
    ),
    "jax": (
        "study/execution/test_stacked.py",
        "training/test_additions.py",
        "training/test_jax.py",
        "training/test_jax_groups.py",
        "training/test_slips.py",
        "training/test_sources.py",
    ),
    "torch": (
        "training/test_backend.py",
        "training/test_exchange.py",
        "training/test_from_torch.py",
        "training/test_given_arrays.py",
        "training/test_pytorch.py",
        "training/test_threads.py",
        "training/test_torch.py",
    ),
    "drawing": (
        "report/chapters",
        "report/drawing",
        "report/figures/test_data_figures.py",
        "report/figures/test_hyperparameter_figures.py",
        "report/figures/test_network_figures.py",
        "report/page",
        "report/paper",
        "report/reproduced",
        "report/test_additions.py",
        "report/live",
        "report/test_build.py",
        "report/test_result_displays.py",
        "report/test_save_figure.py",
    ),
    "processes": (
        "study/execution",
        "study/test_studies.py",
        "study/published",
        "study/reading/test_hostile.py",
        "study/folder/test_damage.py",
        "study/runners",
        "study/search",
        "test_cli.py",
        "test_entry.py",
        "test_how_to.py",
        "test_public.py",
        "test_networks_commands.py",
        "test_notebooks.py",
        "test_terminal.py",
        "training/test_damage.py",
    ),
    "browser": ("browser",),
    "cluster": ("study/cluster",),
    "fuzz": ("data/test_fuzz.py", "data/test_fuzz_image_files.py", "study/reading/test_fuzz.py"),
}


def marks_of(path: Path) -> set[str]:
    """The marks that the table gives to a file or folder of tests."""
    found = {mark for mark, places in SLOW.items() for place in places if path.is_relative_to(HERE / place)}
    return found | {"slow"} if found else found


def pytest_collection_modifyitems(items):
    for item in items:
        for mark in marks_of(item.path):
            item.add_marker(mark)
    items.sort(key=_begins_late)


def _begins_late(item):
    """Files of long tests begin first, so that no process of the tests is left alone with one at the end."""
    marks = {mark.name for mark in item.iter_markers()}
    return next((k for k, mark in enumerate(("browser", "processes", "slow")) if mark in marks), 3)


def pytest_ignore_collect(collection_path, config):
    """With -m "not slow", slow files are not even imported: PyTorch, JAX and Numba take seconds to load."""
    return True if config.option.markexpr == "not slow" and marks_of(collection_path) else None


def pytest_make_parametrize_id(config, val, argname):
    """The content of a file is no name of a test: gzip's holds the time, and the processes that share the tests out
    must collect the same ones."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > 16 else None
