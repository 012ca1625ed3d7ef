"""Without OUT, results lie beside the input, and nothing that exists is replaced."""

import pytest

from scripts.commands.results import place_beside, say_results


@pytest.fixture
def scans(tmp_path):
    (tmp_path / "scans").mkdir()
    for name in ("a.ome.tif", "b.nii.gz"):
        (tmp_path / "scans" / name).touch()
    return tmp_path / "scans"


@pytest.mark.parametrize("name", ["a.ome.tif", "b.nii.gz", "none.tif"])
def test_of_a_file_beside_it(scans, name):
    options = {"dataset_dir": str(scans / name)}
    assert place_beside(options) == scans
    assert options["output_dir"] == str(scans)


def test_of_a_zarr_beside_it_though_it_is_a_folder(scans, capsys):
    (scans / "c.ome.zarr").mkdir()
    options = {"dataset_dir": str(scans / "c.ome.zarr")}
    assert place_beside(options) == scans
    (scans / "c_seg.ome.zarr").mkdir()
    say_results(scans, options)
    assert capsys.readouterr().out == f"result: {scans / 'c_seg.ome.zarr'}\n"
    with pytest.raises(FileExistsError, match=r"c_seg\.ome\.zarr: exists"):
        place_beside({"dataset_dir": str(scans / "c.ome.zarr")})


def test_of_a_folder_in_one_beside_it(scans):
    assert place_beside({"dataset_dir": str(scans)}) == scans.parent / "scans_seg"
    (scans.parent / "scans_seg").mkdir()  # an empty one is nothing to lose
    assert place_beside({"dataset_dir": str(scans)}) == scans.parent / "scans_seg"


def test_what_is_no_volume_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"files named \.txt are not read"):
        place_beside({"dataset_dir": str(tmp_path / "a.txt")})


@pytest.mark.parametrize("taken", ["a_seg.ome.tif", "a_seg.tif", "a_prob.ome.tif", "a_std.ome.tif"])
def test_a_result_that_exists_is_not_replaced(scans, taken):
    (scans / taken).touch()
    with pytest.raises(
        FileExistsError, match=rf"{taken}: exists, and is not replaced unless .*; name a folder.* IN OUT"
    ):
        place_beside({"dataset_dir": str(scans / "a.ome.tif")})
    place_beside({"dataset_dir": str(scans / "b.nii.gz")})


def test_nor_is_a_folder_of_results(scans):
    (scans.parent / "scans_seg").mkdir()
    (scans.parent / "scans_seg" / "a_seg.ome.tif").touch()
    with pytest.raises(FileExistsError, match="scans_seg: exists"):
        place_beside({"dataset_dir": str(scans)})


def test_a_folder_that_is_named_is_taken(scans):
    options = {"dataset_dir": str(scans), "output_dir": str(scans / "out")}
    assert place_beside(options) == scans / "out"


def test_where_the_results_are(scans, capsys):
    say_results(scans.parent / "scans_seg", {"dataset_dir": str(scans)})
    (scans / "a_seg.ome.tif").touch()
    say_results(scans, {"dataset_dir": str(scans / "a.ome.tif")})
    assert capsys.readouterr().out.splitlines() == [
        f"results: {scans.parent / 'scans_seg'}/",
        f"result: {scans / 'a_seg.ome.tif'}",
    ]
    say_results(scans, {"dataset_dir": str(scans / "a.ome.tif")}, (scans / "a_seg.ome.tif").stat().st_mtime + 60)
    assert capsys.readouterr().out == ""
    (scans / "b\x1b[31m_seg.nii.gz").touch()
    say_results(scans, {"dataset_dir": str(scans / "b\x1b[31m.nii.gz")})
    assert capsys.readouterr().out == f"result: {scans}/b\\x1b[31m_seg.nii.gz\n"
