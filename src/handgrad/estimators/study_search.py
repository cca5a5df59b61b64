"""StudySearchCV: a search like scikit-learn's GridSearchCV that is a study, with its conclusions and its report.

Every candidate of a grid (or of n_iter draws) becomes a setting, and every setting is trained on every fold with every
seed, as `hg.run_study` does.
"""

import itertools
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.metrics import get_scorer
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted

from handgrad.data.datasets import Dataset, columns_of, from_arrays
from handgrad.errors import ParameterError, ResultsError
from handgrad.estimators.classifier import HandgradClassifier, checked_examples, targets_of
from handgrad.estimators.parameters import Kind, read_parameters
from handgrad.estimators.perceptron import Perceptron, Targets
from handgrad.estimators.regressor import HandgradRegressor, checked_numbers
from handgrad.estimators.search_axes import Tables, axes_of, drawn_axes
from handgrad.foreign import as_path
from handgrad.measures import BINARY, CLASSIFICATION, MEASURES, MULTI_LABEL, REGRESSION, VALIDATION
from handgrad.names import listed, shown
from handgrad.report.build import build_report
from handgrad.sections import flag, is_whole, optional, plain, whole
from handgrad.study.execution.run_study import run_study
from handgrad.study.folder.results_folder import Results
from handgrad.training.run import Setting

if TYPE_CHECKING:
    from pandas import DataFrame

# Closed: scikit-learn's names of scores -> the measure that a study selects by, and its sign (it selects by no R²)
SCORES = MappingProxyType(
    {
        "accuracy": ("accuracy", 1),
        "balanced_accuracy": ("balanced_accuracy", 1),
        "f1_macro": ("macro_f1", 1),
        "roc_auc": ("roc_auc", 1),
        "neg_log_loss": ("loss", -1),
        "neg_root_mean_squared_error": ("rmse", -1),
        "neg_mean_absolute_error": ("mae", -1),
    }
)
USUAL = MappingProxyType(
    {CLASSIFICATION: "accuracy", MULTI_LABEL: "accuracy", REGRESSION: "neg_root_mean_squared_error"}
)  # of task
LOSS = "neg_log_loss"  # of classes alone: the loss of labels and of numbers is another
NAME = "search"  # of the study


def _jobs(value: Any) -> int | None:
    if value in (None, -1) or is_whole(value, 1):
        found: int | None = value
        return found
    raise ValueError("must be a whole number >= 1, None for 1, or -1 for one a core")


CHECKS: dict[str, Callable[[Any], Any]] = {"n_iter": optional(whole("[1, inf)")), "n_jobs": _jobs, "refit": flag}


class StudySearchCV(MetaEstimatorMixin, BaseEstimator):
    """Search parameters of one of handgrad's estimators by a study: every candidate on every fold with every seed.

    estimator: a HandgradClassifier or HandgradRegressor.  param_grid: names of its parameters -> lists of values, or a
    list of such tables; with n_iter, so many draws from lists and scipy's distributions (random_state: of the draws).
    seeds: a count, or a list.  cv: how many folds, or the fraction of the examples that validates in every run.
    scoring: of classes "accuracy" (the default), "balanced_accuracy", "f1_macro" or "neg_log_loss", of two classes
    "roc_auc" too; of labels "accuracy" or "f1_macro"; of numbers "neg_root_mean_squared_error" (the default) or
    "neg_mean_absolute_error".  n_jobs: processes; -1: one a core.
    refit: train the best candidate on all examples.  folder: where the results are kept and, at the next fit with the
    same data, continued; None: a temporary folder, which goes when the results go.

    After `fit`: best_params_, best_score_, best_index_, best_estimator_, cv_results_ (a split is a fold and a seed, in
    this order), n_splits_, scoring_, refit_time_, classes_ (of a classifier), and results_: the study as `Results`.

    Differs from GridSearchCV: a run trains all max_iter epochs (so does best_estimator_), or with early_stopping up to
    the best epoch by the part that validates; the best is the best mean of scoring over the runs, a tie goes to the
    lower loss; no other estimators are searched, nor pipelines.
    """

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        seeds: Any = 3,
        cv: Any = 5,
        n_iter: int | None = None,
        scoring: str | None = None,
        n_jobs: int | None = None,
        refit: bool = True,
        random_state: Any = None,
        folder: Any = None,
    ) -> None:
        self.estimator = estimator
        self.param_grid = param_grid
        self.seeds = seeds
        self.cv = cv
        self.n_iter = n_iter
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.random_state = random_state
        self.folder = folder

    def fit(self, X: Any, y: Any) -> Self:
        """Run the study on X (n, columns) and y, as the estimator takes them, and train the best candidate on all.

        Raises InputError where something does not fit, before anything runs.
        """
        if not isinstance(self.estimator, HandgradClassifier | HandgradRegressor):
            raise ParameterError(
                f"StudySearchCV: estimator must be a HandgradClassifier or HandgradRegressor; got "
                f"{shown(self.estimator)}. Search others, and pipelines, with scikit-learn's GridSearchCV"
            )
        self._check()
        self._candidates()  # what is wrong with them is said before the data is looked at
        x, targets = self._examples(X, y)
        kind = targets.kind
        measure, sign = self._measure(kind)
        data = self._data(x, targets)
        parts, n = self._data_table(len(x), kind)

        def tables_of(candidate: Mapping[str, Any]) -> Tables:
            return self._tables(candidate, n, kind)

        candidates, axes = self._axes(tables_of)
        tables = [tables_of(candidate) for candidate in candidates]
        study = {"name": NAME, "seeds": plain(self.seeds), "select_by": measure, "data": parts, **axes}
        self.results_ = self._run(study, data)
        of_setting = {_key(self.results_.setting(label)): label for label in self.results_.planned}
        of_candidate = [of_setting[_key(Setting.checked({"data": parts, **table}))] for table in tables]
        self._take(candidates, of_candidate, measure, sign)
        if self.refit:
            start = time.perf_counter()
            best = clone(self.estimator).set_params(**self.best_params_)
            self.best_estimator_ = self._as_in_the_study(best).fit(X, y)
            self.refit_time_ = time.perf_counter() - start
        return self

    # -- before the study

    def _examples(self, X: Any, y: Any) -> tuple[np.ndarray, Targets]:
        probe = clone(self.estimator)
        if isinstance(probe, HandgradRegressor):
            x, targets = checked_numbers(probe, X, y, reset=True)
        else:
            x, labels = checked_examples(probe, X, y, reset=True)
            self.classes_, targets = targets_of("StudySearchCV", labels, names=columns_of(y))
        self.n_features_in_ = probe.n_features_in_
        if hasattr(probe, "feature_names_in_"):
            self.feature_names_in_ = probe.feature_names_in_
        return x, targets

    def _measure(self, kind: Kind) -> tuple[str, int]:
        """What the study selects by, and whether it is the score or its negative."""
        task = BINARY if kind.units == 1 else kind.task
        known = [
            name
            for name, (measure, _) in SCORES.items()
            if task in MEASURES[measure].formulas and (name != LOSS or kind.task == CLASSIFICATION)
        ]
        self.scoring_ = USUAL[kind.task] if self.scoring is None else self.scoring
        if not isinstance(self.scoring_, str) or self.scoring_ not in known:
            raise ParameterError(
                f"StudySearchCV: scoring must be one of {listed(known)} for these targets; got {shown(self.scoring)}"
            )
        measure, sign = SCORES[self.scoring_]
        return VALIDATION.metric(measure), sign

    def _check(self) -> None:
        """Raise ParameterError with every argument that cannot be, a line each."""
        problems = []
        for name, check in CHECKS.items():
            try:
                check(plain(getattr(self, name)))
            except ValueError as error:
                problems.append(f"StudySearchCV: {name} {error}; got {shown(getattr(self, name))}")
        if problems:
            raise ParameterError("\n".join(problems))

    def _candidates(self) -> list[dict[str, Any]]:
        try:
            if self.n_iter is None:
                found = list(ParameterGrid(self.param_grid))
            else:
                found = list(ParameterSampler(self.param_grid, self.n_iter, random_state=self.random_state))
        except (TypeError, ValueError) as error:
            raise ParameterError(f"StudySearchCV: param_grid: {error}") from None
        if not found:
            raise ParameterError("StudySearchCV: param_grid is empty; give lists of values, as in {'alpha': [0, 0.1]}")
        known = self.estimator.get_params(deep=False)
        for name in itertools.chain.from_iterable(found):
            if name not in known or name == "random_state":
                more = "; the seeds are those of StudySearchCV" if name == "random_state" else ""
                raise ParameterError(f"StudySearchCV: param_grid: {name} is no parameter to search{more}")
        return found

    def _axes(self, tables_of: Callable[[Mapping[str, Any]], Tables]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The candidates, and the study's tables of the base setting and of what varies."""
        if self.n_iter is not None:
            seed = self.random_state
            if not is_whole(plain(seed)):
                seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
            drawn = drawn_axes(tables_of, self.param_grid, self.n_iter, int(seed))
            if drawn is not None:
                return drawn
        candidates = self._candidates()
        grid = self.param_grid if self.n_iter is None else None
        return candidates, axes_of(candidates, [tables_of(one) for one in candidates], tables_of, grid)

    def _data(self, x: np.ndarray, targets: Targets) -> Dataset:
        frame: Any = x
        if hasattr(self, "feature_names_in_"):
            import pandas

            frame = pandas.DataFrame(x, columns=list(self.feature_names_in_))
        return from_arrays(frame, targets.y, name=NAME, classes=targets.names, task=targets.kind.task)

    def _data_table(self, n: int, kind: Kind) -> tuple[dict[str, Any], int]:
        """The [data] table, and how many examples train at least."""
        cv = plain(self.cv)
        if is_whole(cv, 2) and cv <= n:
            validation: dict[str, Any] = {"folds": cv}
            left = n - -(-n // cv)
        elif isinstance(cv, float) and 0 < cv < 1:
            validation, left = {"size": cv}, n - max(1, int(cv * n + 0.5))
        else:
            raise ParameterError(
                f"StudySearchCV: cv must be a number of folds from 2 to the number of examples ({n}), or a fraction in "
                f"(0, 1); got {shown(self.cv)}"
            )
        task = {} if kind.task == CLASSIFICATION else {"task": kind.task}
        return {"name": NAME, "scale": "none", "test": False, "validation": validation, **task}, left

    def _tables(self, candidate: Mapping[str, Any], n: int, kind: Kind) -> Tables:
        """The [network] and [training] tables of a candidate."""
        estimator = clone(self.estimator).set_params(**candidate)
        chosen = read_parameters("StudySearchCV", estimator.get_params(deep=False), n, kind)
        if chosen.rate in ("invscaling", "adaptive") or not chosen.shuffle:
            what = f"learning_rate={chosen.rate!r}" if chosen.shuffle else "shuffle=False"
            raise ParameterError(
                f"StudySearchCV: {what} is no setting of a study; take learning_rate='constant', 'cosine' or "
                "'exponential' and shuffle=True, or search with scikit-learn's GridSearchCV"
            )
        tables = chosen.setting.model_dump(mode="json", by_alias=True, include={"network", "training"})
        if chosen.early_stopping:
            patience = int(min(chosen.patience, chosen.max_iter))
            monitor = VALIDATION.metric(SCORES[USUAL[kind.task]][0])
            rule = {"patience": patience, "min_delta": chosen.tol, "monitor": monitor}
            tables["training"]["early_stopping"] = rule
        del tables["network"]["layers"]
        return tables

    def _run(self, study: Mapping[str, Any], data: Dataset) -> Results:
        jobs = 1 if self.n_jobs is None else None if self.n_jobs == -1 else self.n_jobs
        if self.folder is not None:
            return run_study(study, as_path(self.folder, "folder", ResultsError), jobs=jobs, data=data)
        folder = tempfile.mkdtemp(prefix="handgrad-")
        try:
            results = run_study(study, Path(folder) / NAME, jobs=jobs, data=data)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        weakref.finalize(results, shutil.rmtree, folder, ignore_errors=True)
        return results

    # -- after it

    def _take(self, candidates: Sequence[dict[str, Any]], labels: Sequence[str], measure: str, sign: int) -> None:
        """Scores of every candidate in scikit-learn's form, and the best."""
        runs, found = self.results_.runs(), dict[str, Any]()
        own = {label: runs[runs["label"] == label] for label in set(labels)}
        split = np.array([sign * own[label][measure].to_numpy(float) for label in labels])  # (candidates, runs)
        for word, column in (("fit", "seconds_training"), ("score", "seconds_evaluation")):
            seconds = np.array([own[label][column].to_numpy(float) for label in labels])
            found |= {f"mean_{word}_time": seconds.mean(axis=1), f"std_{word}_time": seconds.std(axis=1)}
        for name in dict.fromkeys(itertools.chain.from_iterable(candidates)):
            values: Any = np.ma.MaskedArray(np.empty(len(candidates), dtype=object), mask=True)
            for i, candidate in enumerate(candidates):
                if name in candidate:
                    values[i] = candidate[name]
            found[f"param_{name}"] = values
        found["params"] = list(candidates)
        found |= {f"split{i}_test_score": scores for i, scores in enumerate(split.T)}
        mean = split.mean(axis=1)
        found |= {"mean_test_score": mean, "std_test_score": split.std(axis=1)}
        worst = np.where(np.isfinite(mean), mean, -np.inf)
        found["rank_test_score"] = np.array([1 + int((worst > one).sum()) for one in worst], dtype=np.int32)
        winner = self.results_.winner()
        if winner is None:
            said = ", ".join(runs["error"].dropna().unique()[:1])
            raise ParameterError(f"StudySearchCV: no candidate came to an end: {said or 'all runs failed'}")
        self.cv_results_, self.n_splits_ = found, split.shape[1]
        self.best_index_ = list(labels).index(winner)
        self.best_params_, self.best_score_ = candidates[self.best_index_], float(mean[self.best_index_])

    def _as_in_the_study(self, estimator: Perceptron) -> Any:
        """Trained for as long as the runs of the study were."""
        return estimator if estimator.early_stopping else estimator.set_params(n_iter_no_change=float("inf"))

    def conclusions(self) -> "DataFrame":
        """A row for every setting: how it compares with the best, and how sure that is (docs/conclusions.md)."""
        check_is_fitted(self, "results_")
        return self.results_.conclusions()

    def report(self, path: Any, **options: Any) -> Path:
        """Write the report of the study into the folder `path`, which is new or empty -> its index.html.

        options: those of `hg.build_report`.
        """
        check_is_fitted(self, "results_")
        folder: Path = as_path(path, "path", ResultsError)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ResultsError(f"{folder}: is there already and not empty; give a new folder for the report")
        page = build_report(self.results_, **options)
        try:
            shutil.copytree(page.parent, folder, dirs_exist_ok=True)
        except OSError as error:
            raise ResultsError(f"{folder}: the report cannot be written there ({error}); give another folder") from None
        return folder / page.name

    # -- the best estimator

    def _best(self) -> Any:
        check_is_fitted(self, "results_")
        if not hasattr(self, "best_estimator_"):
            raise ParameterError("StudySearchCV: refit=False, so that there is no best_estimator_; set refit=True")
        return self.best_estimator_

    def predict(self, X: Any) -> np.ndarray:
        """What best_estimator_ predicts."""
        return np.asarray(self._best().predict(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, k), by best_estimator_, which is a classifier."""
        return np.asarray(self._best().predict_proba(X))

    def score(self, X: Any, y: Any) -> float:
        """The score that `scoring` names, of best_estimator_ on these examples."""
        return float(get_scorer(self.scoring_)(self._best(), X, y))

    def __sklearn_tags__(self) -> Any:
        tags, own = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type, tags.target_tags = own.estimator_type, own.target_tags
        tags.classifier_tags, tags.regressor_tags = own.classifier_tags, own.regressor_tags
        return tags


def _key(setting: Setting) -> str:
    """Equal for settings that train alike."""
    resolved = setting.resolved()
    return f"{resolved.network.model_dump_json(by_alias=True)} {resolved.training.model_dump_json(by_alias=True)}"
