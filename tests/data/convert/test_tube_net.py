"""The authors' dataset as a dataset."""

import numpy as np

from scripts.data import find_dataset
from scripts.data.convert.kinds import import_dataset
from scripts.io import write_volume
from tests.helpers.bundle_command import contents


def test_the_files_are_copied_as_they_are(tmp_path):
    published = tmp_path / "data"
    for name, shape in (("CT tumour", (8, 9, 10)), ("OCTA_v2.1", (12, 6, 5))):
        voxels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
        write_volume(published / "Image data" / f"{name}.tif", voxels)
        write_volume(published / "Labels" / f"{name}_labels.tif", (voxels > 99).astype(np.uint8))
    (published / "readme.txt").write_text("CC-BY")
    before = contents(published)
    dataset = import_dataset(published, tmp_path / "new" / "dataset")
    found = find_dataset(dataset)
    assert [(item["name"], item["shape"]) for item in found] == [("CT tumour", (8, 9, 10)), ("OCTA_v2.1", (12, 6, 5))]
    for item in found:
        image, label = (published / folder for folder in ("Image data", "Labels"))
        assert (dataset / item["image"]).read_bytes() == (image / f"{item['name']}.tif").read_bytes()
        assert (dataset / item["label"]).read_bytes() == (label / f"{item['name']}_labels.tif").read_bytes()
    assert contents(published) == before
    assert [path.name for path in dataset.parent.iterdir()] == ["dataset"]
