"""Keys in words: the file that describes them has every key of the sections and no other, and the names they take."""

import pytest

from handgrad.data.augmentation import FILLS, Augmentation
from handgrad.data.catalog import DATASETS
from handgrad.data.data_section import (
    COLORS,
    DECIMALS,
    PICKS,
    TARGET_SCALES,
    DataSection,
    MissingCells,
    TestPart,
    TrainPart,
)
from handgrad.data.data_section import ValidationPart as Validation
from handgrad.data.scaling import SCALES
from handgrad.keys import study_keys
from handgrad.measures import TASKS, VALIDATION_METRICS
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.initializers import INITIALIZERS
from handgrad.network.losses import LOSSES
from handgrad.network.network_section import NetworkSection
from handgrad.network.targets import TARGETS
from handgrad.study.design.study_spec import ConclusionsSection, PhaseSpec, StudySpec
from handgrad.study.published.explain_section import ExplainSection
from handgrad.study.published.print_options import PrintOptions
from handgrad.study.rules.budget import Budget
from handgrad.study.rules.samplers import SAMPLERS
from handgrad.study.rules.search_rules import RULES, Asha
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.requirements import ARRAYS, DEVICES
from handgrad.training.schedules import SCHEDULES
from handgrad.training.sources import SOURCES
from handgrad.training.training_section import ENGINES, EarlyStopping, TrainingSection

SECTIONS = {
    "": [StudySpec],
    "asha": [Asha],
    "budget": [Budget],
    "conclusions": [ConclusionsSection],
    "report": [PrintOptions],
    "phase": [PhaseSpec],
    "explain": [ExplainSection],
    "data": [DataSection],
    "data.validation": [Validation],
    "data.train": [TrainPart],
    "data.test": [TestPart],
    "data.missing": [MissingCells],
    "network": [NetworkSection],
    "network.init": INITIALIZERS.values(),
    "network.bias_init": INITIALIZERS.values(),
    "training": [TrainingSection],
    "training.optimizer": OPTIMIZERS.values(),
    "training.schedule": SCHEDULES.values(),
    "training.early_stopping": [EarlyStopping],
    "training.augmentation": [Augmentation],
}
NAMES = {
    "vary": SOURCES,
    "select_by": VALIDATION_METRICS,
    "random.sampler": SAMPLERS,
    "asha.rule": RULES,
    "data.name": DATASETS,
    "data.task": TASKS,
    "data.scale_targets": TARGET_SCALES,
    "data.scale": SCALES,
    "data.train.pick": PICKS,
    "data.color": COLORS,
    "data.decimal": DECIMALS,
    "network.activation": ACTIVATIONS,
    "network.output": ACTIVATIONS,
    "network.init.name": INITIALIZERS,
    "network.bias_init.name": INITIALIZERS,
    "network.targets": TARGETS,
    "training.loss": LOSSES,
    "training.optimizer.name": OPTIMIZERS,
    "training.schedule.name": SCHEDULES,
    "training.early_stopping.monitor": VALIDATION_METRICS,
    "training.augmentation.fill": FILLS,
    "training.engine": ("auto", *ENGINES),
    "training.device": DEVICES,
    "training.arrays": ARRAYS,
}


def test_every_key_of_the_sections_is_described_in_src_handgrad_keys_txt_and_no_other():
    known = {"random.runs", "random.seed", "random.sampler"}
    for table, sections in SECTIONS.items():
        for section in sections:
            fields = {field.alias or name for name, field in section.model_fields.items()}
            known |= {f"{table}.{name}".lstrip(".") for name in fields}
    assert set(study_keys()) == known


@pytest.mark.parametrize("path", NAMES)
def test_the_names_of_a_key_in_src_handgrad_keys_txt_are_those_of_its_table(path):
    assert set(study_keys()[path].names) == set(NAMES[path])
