"""Augmented pictures: what a setting's augmentation makes of the sample images, beside the pictures as they are."""

import numpy as np

from handgrad.data.augmentation import Augmentation
from handgrad.report.figures.network_figures import image_shape
from handgrad.report.figures.shapes import Pictures
from handgrad.training.record import Record

PICTURES, EPOCHS = 4, 4  # shown


def augmented_pictures(
    record: Record, images: np.ndarray | None, who: str, name: str = "augmentation"
) -> Pictures | None:
    """A row for each of the first samples: as it is, and as the run's first epochs would change it.

    images: (n, channels, rows, cols), scaled as they were learnt from.  None without augmentation or images.
    """
    table, samples = record.setting["training"].get("augmentation"), record.samples
    augmentation = Augmentation(**(table or {}))
    if images is None or samples is None or not augmentation.changes or image_shape(images.shape[1:]) is None:
        return None
    x, seed = images[:PICTURES].astype(np.float32), (record.seeds or {}).get("order", record.seed)
    low, high = float(images.min()), float(images.max())
    versions = [x, *(augmentation.augmented(x, seed, epoch, black=low) for epoch in range(EPOCHS))]
    shown = np.stack(versions, axis=1).reshape(-1, *x.shape[1:]).transpose(0, 2, 3, 1)  # (n · versions, rows, cols, c)
    shown = 2 * (shown - low) / ((high - low) or 1.0) - 1
    classes, labels = record.dataset.classes, list[str]()
    for label in samples.labels[: len(x)]:
        labels.append(classes[label] if isinstance(label, int) else "as it is")
        labels += [f"epoch {k + 1}" for k in range(EPOCHS)]
    caption = (
        f"{who}. {words_of(augmentation)}: {samples.source} examples as they are (with their class), and as "
        f"epochs 1 to {EPOCHS} would change them. Such pictures are made of training examples only; all scores are of "
        "examples as they are."
    )
    pictures = np.broadcast_to(shown, (*shown.shape[:3], 3)).astype(np.float64)
    return Pictures(name, "Augmented pictures", caption, pictures, tuple(labels), 1.0, 1 + EPOCHS)


def words_of(augmentation: Augmentation) -> str:
    """What is done to training pictures, in words.

    >>> words_of(Augmentation(shift=2, flip=True)), words_of(Augmentation(rotate=10, fill="edge"))
    ('Moved by up to 2 pixels and mirrored by chance', 'Turned by up to 10°, filled up with the pixel at the edge')
    """
    done = [f"moved by up to {augmentation.shift} pixel{'s' * (augmentation.shift > 1)}"] * (augmentation.shift > 0)
    done += ["mirrored by chance"] * augmentation.flip
    done += [f"turned by up to {augmentation.rotate:g}°"] * (augmentation.rotate > 0)
    text = " and ".join([", ".join(done[:-1]), done[-1]] if len(done) > 1 else done)
    edge = ", filled up with the pixel at the edge" if augmentation.fill == "edge" else ""
    return text[:1].upper() + text[1:] + edge
