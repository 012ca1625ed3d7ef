"""Event files, read back as TensorBoard reads them."""

import gc
import io
import sys
import weakref

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from monai.data import MetaTensor
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from scripts.report import pixels_of, slice_figure
from scripts.report.theme import EXTRA_COLOUR, FOUND_COLOUR, NOT_LABELLED_COLOUR, OUTLINE_COLOUR
from scripts.training import CloseEvents, SliceImages, open_events
from tests.helpers.bundle_command import TINY_TRAINING

SHAPE = (48, 40, 5)  # X, Y, Z: a thin stack
MICROMETRES = np.diag([0.001, 0.001, 0.004, 1])


def events_of(folder):
    return EventAccumulator(str(folder)).Reload()


def pictures(folder):
    """Step and pixels, 8 bits, of each picture."""
    shown = events_of(folder).Images("validation")
    return [(e.step, np.uint8(255 * imread(io.BytesIO(e.encoded_image_string)) + 0.5)[..., :3]) for e in shown]


def scalars(folder, tag):
    return {event.step: event.value for event in events_of(folder).Scalars(tag)}


def count(pixels, colour):
    return int((np.abs(pixels / 255 - to_rgb(colour)).max(axis=-1) < 0.02).sum())


def volume(probabilities=(0.4, 0.3, 0.3)):
    """As a validator's output holds it: 3 classes, a bar of class 2 along Z and its prediction; a part not labelled."""
    label = torch.zeros(1, *SHAPE, dtype=torch.int8)
    label[0, 20:30, 15:25] = 2
    label[0, 40:] = -1
    image = MetaTensor(label.float(), affine=MICROMETRES, meta={"filename_or_obj": "images/bar.tif", "unit": "µm"})
    pred = torch.tensor([5.0, 0, 0])[:, None, None, None].repeat(1, *SHAPE)
    pred[:, 10:30, 15:25] = torch.tensor(probabilities).log()[:, None, None, None]
    return {"image": image, "label": label, "pred": pred}


def validate(handler, volumes, epochs=1):
    """Run an engine over volumes, as a validator runs once an epoch."""
    validator = Engine(lambda engine, one: [one])
    handler.attach(validator)
    for epoch in range(1, epochs + 1):
        validator.state.epoch, validator.state.iteration = epoch - 1, 0
        validator.run(volumes, max_epochs=epoch, epoch_length=len(volumes))


def test_the_first_volume_of_every_validation_is_drawn(tmp_path):
    writer = open_events(tmp_path / "events")
    first, other = volume(), volume()
    other["label"] = -torch.ones_like(other["label"])
    validate(SliceImages(writer), [first, other], epochs=2)
    writer.close()
    assert [step for step, _ in pictures(tmp_path / "events")] == [1, 2]
    predicted = np.zeros(SHAPE)
    predicted[10:30, 15:25] = 1
    for epoch, shown in pictures(tmp_path / "events"):
        title = f"bar.tif  ·  epoch {epoch}"
        figure = slice_figure(first["label"][0], first["label"][0], predicted, title=title, spacing=(1, 1, 4))
        np.testing.assert_array_equal(shown, pixels_of(figure))
        for colour in (OUTLINE_COLOUR, FOUND_COLOUR, EXTRA_COLOUR, NOT_LABELLED_COLOUR):
            assert count(shown, colour) > 10


@pytest.mark.parametrize(("threshold", "drawn"), [(0.5, True), (0.59, True), (0.61, False)])
def test_vessel_of_any_class_is_called_above_the_threshold(threshold, drawn, tmp_path):
    """Two classes of vessel at 0.3 each are vessel at 0.6, though the background at 0.4 is the likeliest class."""
    writer = open_events(tmp_path)
    validate(SliceImages(writer, threshold), [volume()])
    writer.close()
    [(_, shown)] = pictures(tmp_path)
    assert (count(shown, OUTLINE_COLOUR) > 100) == drawn  # an empty prediction is not in the legend either


def test_a_plain_tensor_has_neither_name_nor_scale(tmp_path):
    writer = open_events(tmp_path)
    plain = volume() | {"image": volume()["image"].as_tensor()}
    validate(SliceImages(writer), [plain])
    writer.close()
    [(_, shown)] = pictures(tmp_path)
    predicted = np.zeros(SHAPE)
    predicted[10:30, 15:25] = 1
    figure = slice_figure(plain["image"][0], plain["label"][0], predicted, title="epoch 1")
    np.testing.assert_array_equal(shown, pixels_of(figure))


def test_nothing_of_the_volume_is_kept(tmp_path):
    shapes = {"image": (1, *SHAPE), "label": (1, *SHAPE), "pred": (2, *SHAPE)}
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    seen = [weakref.ref(array) for array in arrays.values()]
    writer = open_events(tmp_path)
    handler, validator = SliceImages(writer), Engine(lambda *_: None)
    validator.state.output = [{name: torch.from_numpy(array) for name, array in arrays.items()}]
    gc.disable()  # what only the collector would find is kept for long
    try:
        handler(validator)
        validator.state.output = arrays = None
        assert all(reference() is None for reference in seen)
    finally:
        gc.enable()
    writer.close()


def test_a_second_writer_goes_on_in_the_same_folder(tmp_path):
    for steps in ((1, 2), (3, 4)):
        writer = open_events(tmp_path)
        trainer = Engine(lambda engine, step, writer=writer: writer.add_scalar("loss", step, step))
        CloseEvents(writer).attach(trainer)
        trainer.run(steps)
        assert writer.file_writer is None  # closed
    assert len(list(tmp_path.iterdir())) == 2
    assert scalars(tmp_path, "loss") == {1: 1, 2: 2, 3: 3, 4: 4}


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        open_events(tmp_path / "file" / "events")


def test_without_tensorboard_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r"tensorboard\.json: .* pip install -r requirements/tracking\.txt"):
        open_events(tmp_path)
    assert not list(tmp_path.iterdir())


def test_training_with_the_overlay(bundle, tiny_dataset, tmp_path):
    options = {
        **TINY_TRAINING,
        "dataset_dir": tiny_dataset,
        "ckpt_dir": tmp_path,
        "iterations_per_epoch": 3,
        "epochs": 2,
    }
    bundle.run(("train", "overlays/tensorboard"), **options, learning_rate_decay=0.01).ok()
    assert set(scalars(tmp_path / "events", "train_loss")) == {1, 2, 3, 4, 5, 6}
    rates = scalars(tmp_path / "events", "learning_rate")
    assert rates == pytest.approx({1: 1e-3, 2: 1e-3, 3: 1e-3, 4: 1e-4, 5: 1e-4, 6: 1e-4})
    for tag in ("val_dice", "val_auroc", "threshold"):
        assert set(scalars(tmp_path / "events", tag)) == {1, 2}
    shown = pictures(tmp_path / "events")
    assert [step for step, _ in shown] == [1, 2]
    for _, pixels in shown:
        rows, columns, _ = pixels.shape
        assert 400 < rows < 1800
        assert 600 < columns < 1800
        assert count(pixels, FOUND_COLOUR) > 100


def test_log_dir_puts_the_events_elsewhere(bundle, tiny_dataset, tmp_path):
    options = {**TINY_TRAINING, "dataset_dir": tiny_dataset, "ckpt_dir": tmp_path / "weights"}
    bundle.run(("train", "overlays/tensorboard"), **options, log_dir=tmp_path / "logs").ok()
    assert set(scalars(tmp_path / "logs", "val_dice")) == {1}
    assert not (tmp_path / "weights" / "events").exists()
