"""What a request may hold: values of each option that pass, and what is refused in one line."""

import json

import pytest

from scripts.monailabel.request import (
    BATCH,
    INFER,
    SAMPLE,
    TRAIN,
    check_inside,
    check_options,
    check_parameters,
    check_plain_name,
    check_training,
    check_training_request,
    check_upload,
)
from scripts.transforms import SetValuesd, read_label_value
from tests.helpers.bundle_command import BUNDLE

RUNS = ["$__import__('os').system('x')", "@bundle_root", "%network_def", {"_target_": "os.system", "command": "x"}]
RUNS += [[value] for value in RUNS]

OF_3D_SLICER = {
    **{"device": "cpu", "model_filename": "model.pt", "overlap": 0.5, "scale": "auto", "threshold": "None"},
    **{"client_id": "user-xyz", "result_extension": ".nrrd", "result_dtype": "uint8"},
}
OF_OHIF = {"result_extension": ".nrrd", "result_dtype": "uint8", "result_compress": False, "restore_label_idx": False}
TABLE_OF_3D_SLICER = {
    **{"device": "cpu", "pretrained": True, "max_epochs": 50, "val_split": 0.2, "multi_gpu": True, "gpus": "all"},
    **{"tracking": "None", "tracking_uri": "", "tracking_experiment_name": "", "run_id": "", "client_id": None},
    **{"model_filename": "model.pt"},
}


@pytest.mark.parametrize(
    "given", [None, {}, OF_3D_SLICER, OF_OHIF | {"label_prompt": [1]}, {"threshold": "", "scale": 2}]
)
def test_what_viewers_send_to_segment(given):
    check_options(given, INFER)


@pytest.mark.parametrize("given", [None, {}, TABLE_OF_3D_SLICER, {"tubenet": TABLE_OF_3D_SLICER}])
def test_what_viewers_send_to_train(given):
    check_training(given)


def test_what_monai_label_sends_by_itself():
    usual = {"device": "cuda", "multi_gpu": True, "gpus": "all", "logging": "WARNING", "save_label": True}
    check_options(usual | {"label_tag": "original", "max_workers": 1, "max_batch_size": 0}, BATCH)
    check_options({"device": ["cpu"], "model_filename": ["model.pt", "model_foundation.pt"]}, INFER)


def test_what_may_be_sent_to_get_the_next_image():
    check_options({"client_id": "me", "label_tag": "final", "channel": 1}, SAMPLE)


@pytest.mark.parametrize("given", [None, "", "None", 0, 3, "3", "depth"])
def test_a_channel_or_depth(given):
    check_options({"channel": given}, INFER)
    with pytest.raises(ValueError, match="is not a whole number of at least 0, or depth"):
        check_options({"channel": "$3"}, INFER)


@pytest.mark.parametrize("given", [None, "", "labels", 255, "255", [1, 2], "[100, 200]"])
def test_values_of_the_file_are_read_by_what_writes_them(given):
    check_options({"label_value": given}, INFER)
    SetValuesd("pred", given, classes=3 if read_label_value(given) not in (None, [255]) else 2, known=[0, 1, 2])
    for wrong in ("white", 1.5, True, [[1], [1, 2]], {"a": 1}, "1" * 5000):
        with pytest.raises(ValueError, match="is neither whole numbers from 1 to 255 nor `labels`"):
            check_options({"label_value": wrong}, INFER)


KEPT = {"client_id", "label_info"}
"""What is data whatever it says: it is kept in the list of images, or goes into a DICOM file, and into no config."""


@pytest.mark.parametrize("known", [INFER, BATCH, TRAIN, SAMPLE], ids=["infer", "batch", "train", "sample"])
@pytest.mark.parametrize("value", RUNS, ids=str)
def test_no_option_takes_what_a_config_would_run(known, value):
    for name in known.keys() - KEPT:
        with pytest.raises(ValueError, match=r"^[^\n]+: is [^\n]+; [^\n]+$"):
            check_options({name: value}, known)


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "max_epochs": (0, -1, 1.5, True, "1", None, 10**6),
        "val_split": (1, -1.5, "0.2", float("nan"), True),
        "pretrained": (False, 1, "true"),
        "multi_gpu": (1, "true", None),
        "gpus": ("0,", "all,0", 0, ["0"]),
        "tracking": ("settings.json", True, ["settings.json"]),
        "tracking_uri": ("http://elsewhere", "sqlite:////a/x"),
        "run_id": ("initialize", "train#trainer"),
        "model_filename": ("../model.pt", "/a/model.pt", "model", "", [], None, 3),
        "device": ("meta", "cpu:0;", "cuda:x", 0),
        "tracking_experiment_name": ("a\nb", None, "x" * 201),
        "tubenet": (3, "x", [], {"unknown": 1}, {"tubenet": {}}),
    }.items(),
)
def test_values_that_training_does_not_take(name, values):
    for value in values:
        with pytest.raises(ValueError, match="; "):
            check_training({name: value})


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "threshold": ("much", 2, -0.1, True, [0.5]),
        "overlap": (1, "1"),
        "scale": (0, None, 5, "big"),
        "result_extension": ("/../../x", ".nii.gz/../x", 3, ".txt", ".json", ".png", ".dcm", ""),
        "result_dtype": ("object", 8),
        "label_tag": ("../x", "/a/x", "", None, "a\0b", "..", "a\\b"),
        "save_label": ("yes", 1),
        "logging": ("LOUD", None),
    }.items(),
)
def test_values_that_segmenting_does_not_take(name, values):
    for value in values:
        with pytest.raises(ValueError, match="; "):
            check_options({name: value}, INFER)


def test_an_unknown_option_is_refused_and_the_nearest_named():
    with pytest.raises(ValueError, match=r"^treshold: there is no such option; did you mean threshold\?$"):
        check_options({"treshold": 0.5}, INFER)
    for name in ("image", "model", "bundle_path", "image_path", "train#trainer#max_epochs", "_target_", "$x"):
        with pytest.raises(ValueError, match="there is no such option"):
            check_training({name: "x"})
        with pytest.raises(ValueError, match="there is no such option"):
            check_options({name: "x"}, BATCH)
    with pytest.raises(ValueError, match=r'^options \["threshold"\]: are not a JSON object; write such as'):
        check_options(["threshold"], INFER)


def test_the_request_that_a_training_process_was_started_with():
    request = {"model": "tubenet", "bundle_path": "/app", **TABLE_OF_3D_SLICER}
    check_training_request(["app.py", "-m", "train", "-r", json.dumps(request)])
    check_training_request(["monai.bundle", "run", "--config_file", "train.json"])
    with pytest.raises(ValueError, match=r"^max_epochs \$x: is not a whole number from 1 to"):
        check_training_request(["app.py", "-m", "train", "-r", json.dumps(request | {"max_epochs": "$x"})])


def test_in_a_training_process_nothing_is_evaluated_before_the_request_is_checked(python_m, tmp_path):
    """As MONAI Label's own app starts it: the values are in the config already."""
    mark = tmp_path / "ran"
    code = f"$open({str(mark)!r}, 'w')"
    request = {"model": "tubenet", "max_epochs": code, "device": code}
    program = (
        f"import sys; sys.argv[1:] = ['-m', 'train', '-r', {json.dumps(request)!r}]; import monai.bundle\n"
        f"monai.bundle.run(config_file='configs/train.json', bundle_root={str(BUNDLE)!r}, device={code!r},\n"
        f"                 **{{'train#trainer#max_epochs': {code!r}, 'train#dataset#data': []}})"
    )
    done = python_m.code(program)
    assert done.status == 1
    assert done.stderr.splitlines()[-1].startswith("error: max_epochs $open(")
    assert not mark.exists()


@pytest.mark.parametrize("name", ["a", "a b", "vène-01", "1.2.840.113619", "._a", "a..b", "$x"])
def test_names(name):
    check_plain_name("image", name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/a", "../a", "a\\b", "..\\a", "a\0", "x" * 201, None, 3, ["a"]]
)
def test_no_names(name):
    with pytest.raises(ValueError, match=r"^image .*: is not a plain name; give one without folders$"):
        check_plain_name("image", name)


def test_links_are_followed_to_where_a_file_lies(tmp_path):
    folder, outside = tmp_path / "studies", tmp_path / "studies2"
    folder.mkdir()
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    check_inside("image", folder / "a.nii", folder)
    for path in (outside / "a.nii", folder / ".." / "a.nii", folder / "link" / "a.nii", "/etc/passwd", f"{folder}/a\0"):
        with pytest.raises(ValueError, match=r"image .*: does not lie in .*studies; copy it there, and give its name"):
            check_inside("image", path, folder)


@pytest.mark.parametrize("name", ["a.nii.gz", "/tmp/x/label.nii.gz", "C:\\scans\\a.b\\a.ome.tif", "a.TIF", "../a.npy"])
def test_files_that_may_be_sent(name):
    check_upload("image", name, remote=False)


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a", "", None, "label.bin", "a.nii.gz.py", "a\0.tif", ".."])
def test_files_that_may_not(name):
    with pytest.raises(ValueError, match="; "):
        check_upload("image", name, remote=False)


def test_with_dicomweb_masks_come_as_ohif_sends_them():
    check_upload("label", "label.bin", remote=True)
    with pytest.raises(ValueError, match=r"\.html"):
        check_upload("label", "label.html", remote=True)


def test_what_stands_in_an_address():
    session = "ac8f7e56-eba1-11f1-95da-02fc00000001"
    check_parameters(
        {"id": "a", "tag": "final", "session_id": session, "model": "tubenet", "uncompress": "false"}, True
    )
    check_parameters({"tag": "", "session_id": "", "strategy": "first", "path": "studies/1/series"}, True)
    for name, value, told in (
        ("id", "../a", "is not a plain name"),
        ("tag", "../../x", "is not a plain name"),
        ("label", "/etc/passwd", "is not a plain name"),
        ("session_id", "../../x", "is not the id of one"),
        ("session_id", session.upper(), "is not the id of one"),
        ("uncompress", "true", "archives are not unpacked"),
        ("uncompress", "1", "archives are not unpacked"),
        ("model", "tubnet", "there is none; did you mean tubenet"),
        ("strategy", "worst", "there is none"),
        ("path", "../instances", "leaves the DICOMweb server's folder"),
    ):
        with pytest.raises(ValueError, match=told):
            check_parameters({name: value}, True)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("/a\nb\x1b[31m\u202e", "/a b\\x1b[31m\\u202e"),
        ({"a": 1}, '{"a": 1}'),
        ("x" * 10**6, "x" * 993 + " ... " + "x" * 1000),  # with "images " before it two thousand
    ],
)
def test_a_value_is_named_in_one_line_that_is_not_too_long(value, told):
    with pytest.raises(ValueError, match="is not a plain name") as error:
        check_plain_name("images", value)
    assert str(error.value) == f"images {told}: is not a plain name; give one without folders"
