"""What is written, and as what kind of file."""

import numpy as np
import pytest

from scripts.inference.blockwise.results import Results
from scripts.io import SaveVolumed, open_volume, read_volume, write_volume
from scripts.transforms import SaveProbabilityd

SHAPE = (8, 7, 6)


@pytest.mark.parametrize("suffix", [".tif", ".nii.gz", ".ome.zarr"])
@pytest.mark.parametrize("classes", [2, 3])
def test_nothing_is_vessel(tmp_path, suffix, classes):
    path, out = write_volume(tmp_path / f"a{suffix}", np.ones(SHAPE, np.uint8)), tmp_path / "out"
    results = Results([SaveProbabilityd("pred", output_dir=out), SaveVolumed("pred", output_dir=out)], classes)
    assert results.keeps_probability
    with open_volume(path) as volume:
        results.write_empty(path, volume.info)
    segmentation = read_volume(out / f"a_seg{suffix}")[1]
    assert (segmentation.shape, segmentation.any()) == (SHAPE, False)
    info, probability = read_volume(out / f"a_prob{suffix}", None if classes == 2 else 1)
    assert (probability.shape, probability.any(), info.dtype) == (SHAPE, False, np.float32)


def test_without_a_writer_of_probabilities_none_are_kept(tmp_path):
    assert not Results([SaveVolumed("pred", output_dir=tmp_path)], 2).keeps_probability
