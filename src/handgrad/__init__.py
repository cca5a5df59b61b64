"""handgrad: a laboratory for small neural networks whose gradients are written by hand.

    import handgrad as hg
    record = hg.train({"network": {"hidden": [64]}, "training": {"epochs": 5}}, seed=1)
    record.metrics["val_accuracy"], record.history["val_loss"]

Names are loaded when they are first used, so that `import handgrad` costs nothing.
"""

TYPE_CHECKING = False  # as in `typing`, which takes longer to load than all of this
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Dataset": "handgrad.data.datasets",
    "HandgradClassifier": "handgrad.estimators.classifier",
    "HandgradError": "handgrad.errors",
    "HandgradRegressor": "handgrad.estimators.regressor",
    "InputError": "handgrad.errors",
    "Model": "handgrad.training.model",
    "Network": "handgrad.network.network",
    "Record": "handgrad.training.record",
    "Results": "handgrad.study.folder.results_folder",
    "Run": "handgrad.training.run",
    "Setting": "handgrad.training.run",
    "StudySearchCV": "handgrad.estimators.study_search",
    "build_report": "handgrad.report",
    "class_scores": "handgrad.report",
    "compare": "handgrad.report",
    "compare_studies": "handgrad.report",
    "curve_measures": "handgrad.report",
    "effects": "handgrad.report",
    "evaluate": "handgrad.study.one_setting",
    "examples_right": "handgrad.report",
    "explain_study": "handgrad.study.explain.explain_study",
    "explanation": "handgrad.report",
    "export_model": "handgrad.training.exchange",
    "export_study": "handgrad.report",
    "figure": "handgrad.report",
    "from_arrays": "handgrad.data.datasets",
    "from_keras": "handgrad.training.exchange.keras_models",
    "from_sklearn": "handgrad.training.exchange.sklearn_models",
    "from_torch": "handgrad.training.exchange.torch_modules",
    "import_model": "handgrad.study.one_setting",
    "importance": "handgrad.report",
    "load_data": "handgrad.data.datasets",
    "load_study": "handgrad.study",
    "make_study": "handgrad.study",
    "load_weights": "handgrad.training.weights",
    "past_studies": "handgrad.report",
    "reproduction": "handgrad.report",
    "run_study": "handgrad.study",
    "rungs": "handgrad.report",
    "save_figure": "handgrad.report",
    "save_table": "handgrad.report",
    "save_weights": "handgrad.training.weights",
    "search_history": "handgrad.report",
    "split": "handgrad.data.datasets",
    "statements": "handgrad.report",
    "timeline": "handgrad.report",
    "train": "handgrad.study.one_setting",
}
_RENAMED = {"load_data": "load"}

_FROM_REPORT = {  # what objects of earlier packages show or tell that the report makes: the front may know all packages
    "Network in a notebook": "handgrad.report.result_displays:layers_html",
    "Model in a notebook": "handgrad.report.result_displays:model_html",
    "Record in a notebook": "handgrad.report.result_displays:record_html",
    "Results in a notebook": "handgrad.report.result_displays:results_html",
    "Results.conclusions": "handgrad.report.result_frames:conclusions",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> "Any":
    if name not in _HOMES:
        raise AttributeError(f"module 'handgrad' has no attribute {name!r}; it has: {', '.join(__all__)}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), _RENAMED.get(name, name))


def from_report(what: str) -> "Callable[..., Any] | None":
    """The function of the report that makes `what` of an object, loaded when it is called for; None where it has none.

    Packages import only from earlier ones; what a class of theirs owes to the report is named here, and nowhere else.
    """
    if what not in _FROM_REPORT:
        return None
    from importlib import import_module

    module, _, name = _FROM_REPORT[what].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
