"""The configs as files, as MONAI's bundle commands see them, and as MONAI Label loads them."""

import json
import re

import pytest
import torch
from monai.bundle import ConfigParser

from scripts.io import read_volume
from scripts.metrics import METRICS
from scripts.network import TubeNet
from scripts.weights import read_sidecar
from scripts.weights.keras.layout import RELEASED
from tests.helpers.bundle_command import BUNDLE, TINY_CHANNELS, TINY_NETWORK, TINY_TRAINING, network_arguments

CONFIGS = BUNDLE / "configs"
SCHEMA = "meta_schema_20240725.json"
NETWORKS = ("overlays/attention", "overlays/full_width", "overlays/published")
LOSSES = ("overlays/loss_focal", "overlays/loss_wcce", "overlays/loss_wcce_inverse")
OTHERS = ("overlays/validate_elsewhere", "overlays/tensorboard", "overlays/from_disk", "finetune", "evaluate")
OTHERS += ("multi_gpu_train", "pretrain", "overlays/study")
ON_TRAIN = (*NETWORKS, *LOSSES, *OTHERS)
TO_PREDICT = ("overlays/best", "overlays/quick")
ON_EVALUATE = (*NETWORKS, *TO_PREDICT, "multi_gpu_evaluate")
ON_INFERENCE = (*NETWORKS, *TO_PREDICT, "inference_trt", "overlays/large_volume")
COMBINATIONS = [
    *(("train", name) for name in ON_TRAIN),
    ("train", "finetune", "multi_gpu_train"),
    *(("train", "evaluate", name) for name in ON_EVALUATE),
    *(("inference", name) for name in ON_INFERENCE),
]
# those of the contract that exist so far, and where
OPTIONS = {
    "train": "dataset_dir test_dir ckpt_dir ckpt_path device amp seed resume epochs patience iterations_per_epoch "
    "learning_rate batch_size patch_size overlap val_fraction region channel dataset_weights unlabelled_value "
    "num_workers verbosity",
    "inference": "dataset_dir output_dir ckpt_path device amp engine patch_size overlap scale batch_size channel "
    "num_workers threshold save_probability verbosity",
}


def read(name):
    """A config's text as a dictionary; a key that stands in it twice is an error."""

    def once(pairs):
        names = [key for key, _ in pairs]
        assert len(set(names)) == len(names), f"{name}: {names}"
        return dict(pairs)

    return json.loads((CONFIGS / f"{name}.json").read_text(), object_pairs_hook=once)


def parser_of(*names):
    parser = ConfigParser()
    parser.read_config([str(CONFIGS / f"{name}.json") for name in names])
    parser["bundle_root"] = str(BUNDLE)
    return parser


def test_every_overlay_is_tried_below():
    found = {str(path.relative_to(CONFIGS).with_suffix("")) for path in CONFIGS.rglob("*.json")}
    found = {name for name in found if not name.startswith("studies/")}  # tests/study has those
    assert found == {"metadata", "train", "inference", *ON_TRAIN, *ON_EVALUATE, *ON_INFERENCE}


@pytest.mark.parametrize("names", [("train",), ("inference",), *COMBINATIONS], ids="+".join)
def test_every_reference_has_an_end(names):
    for name in names:
        read(name)
    parser = parser_of(*names)
    parser.parse()
    items = parser.ref_resolver.items
    for ident, item in items.items():
        for wanted in parser.ref_resolver.find_refs_in_config(item.get_config(), ident):
            assert wanted in items, f"{ident} refers to @{wanted}"


@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_an_overlay_changes_only_what_is_there(names):
    base = parser_of(*names[:-1])
    for path in read(names[-1]):
        assert path.lstrip("+").rpartition("#")[0] in base, path
        assert not path.startswith("+") or path[1:] in base, path  # MONAI only warns


@pytest.mark.parametrize("name", ["multi_gpu_train", "multi_gpu_evaluate"])
def test_what_several_processes_change_stands_where_it_is_sought(name):
    """A server inserts handlers before those of the config, so nothing is counted."""
    assert not [path for path in read(name) if re.search(r"#\d", path)]
    assert read("train")["process"]["_target_"] == "scripts.core.set_up_process"
    for base in ("train", "evaluate", "inference"):
        assert read(base)["initialize"][:2] == ["$@code", "$@process"]
    assert read(name)["process"]["_target_"] == "scripts.training.join_processes"


@pytest.mark.parametrize("name", [name for name in ON_TRAIN if name != "overlays/tensorboard"])
def test_tensorboard_goes_before_and_after_another_overlay(name):
    before, after = ("train", "overlays/tensorboard", name), ("train", name, "overlays/tensorboard")
    one, two = (parser_of(*names) for names in (before, after))
    for parser in (one, two):  # the handlers of the two overlays have nothing to do with one another
        for engine in ("train", "validate"):
            parser[engine]["handlers"].sort(key=json.dumps)
    assert one.get() == two.get()


@pytest.mark.parametrize("name", ["train", "inference"])
def test_options_stand_before_all_components(name):
    keys = list(config := read(name))
    first_component = min(i for i, key in enumerate(keys) if "_target_" in str(config[key]))
    missing = set(OPTIONS[name].split()) - set(keys[:first_component])
    assert not missing


def test_bases_agree():
    train, inference = read("train"), read("inference")
    other = {"batch_size", "ckpt_path"}  # patches and windows; none and the shipped
    shared = set(OPTIONS["train"].split()) & set(OPTIONS["inference"].split()) - other
    # MONAI Label resolves all of train.json where a viewer sends an empty run_id, and has no dataset for it
    assert (train["dataset_dir"], inference["dataset_dir"]) == (None, "dataset")
    for name in (*shared - {"dataset_dir"}, "network_def", "network"):
        assert train[name] == inference[name], name
    assert train["bfloat16"] == {**inference["bfloat16"], "training": True}
    assert train["normalisation"] == inference["normalisation"]
    evaluate = read("evaluate")
    for name in ("ckpt_path", "threshold", "scale"):
        assert evaluate[name] == inference[name], name


def test_validation_in_training_sees_volumes_at_their_own_size():
    """Which is what patches are cut at; evaluation and inference have the option."""
    assert parser_of("train").get_parsed_content("validate#inferer").scale == 1
    for names, ident in ((("train", "evaluate"), "validate#inferer"), (("inference",), "scales")):
        assert parser_of(*names).get_parsed_content(ident).scale == "auto"
        parser = parser_of(*names)
        parser["scale"] = 0.5
        assert parser.get_parsed_content(ident).scale == 0.5


def test_only_evaluation_thins_vessels():
    """Seconds a volume, which a validation after every epoch shall not pay."""
    assert "entreline" not in json.dumps(read("train")) + json.dumps(read("finetune"))
    evaluate = read("evaluate")
    assert {*evaluate["validate#metrics"]} == {*METRICS} - {"best_dice", "best_threshold"}
    for names, needs in (
        (("train",), ["counts"]),
        (("train", "evaluate"), ["counts", "centrelines", "surfaces", "topology"]),
    ):
        parser = parser_of(*names)
        parser["threshold"], parser["decision_threshold"] = 0.5, 0.5
        assert list(parser.get_parsed_content("validate#postprocessing").needs) == needs


@pytest.mark.parametrize("name", ["train", "inference"])
def test_monai_label_can_load_a_base_alone(name):
    """It reads no metadata, replaces literal parts, and wants a device that is a string and these two keys."""
    text, config = (CONFIGS / f"{name}.json").read_text(), read(name)
    assert "_meta_" not in text
    parser = parser_of(name)
    assert isinstance(parser.get_parsed_content("device"), str)
    if name == "inference":
        assert parser.get_parsed_content("preprocessing").transforms[0].keys == ("image",)
        assert {transform["keys"] for transform in config["postprocessing"]["transforms"]} == {"pred"}
        assert "displayable_configs" not in config  # MONAI Label's own app would write any value of a request into it
        assert parser.get_parsed_content("request_options") == {
            "channel": None,
            "overlap": config["overlap"],
            "scale": "auto",
            "threshold": None,
            **dict.fromkeys(("smooth", "hysteresis", "fill_holes", "min_size", "invert", "label_value")),
            "tta": False,
            "adapt": False,
            "model_filename": ["model.pt"],
        }
        return
    assert "max_epochs" in config["train"]["trainer"]
    assert isinstance(config["train"]["handlers"], list)
    assert all("_target_" in handler for handler in config["train"]["handlers"])  # it asks each for this key
    assert [h["_target_"] for h in config["train"]["handlers"]].count("ValidationHandler") == 1  # MONAI checks this one
    assert "data" in config["train"]["dataset"]
    assert "data" in config["validate"]["dataset"]


def test_metadata_fits_the_schema(bundle, tmp_path):
    schema = BUNDLE.parent / "tests" / "configs" / SCHEMA
    assert read("metadata")["schema"].endswith(f"/{SCHEMA}")
    words = ("verify_metadata", "--meta_file", "configs/metadata.json", "--filepath")
    done = bundle(*words, schema).ok()
    assert "verified with no error" in done.stdout + done.stderr

    wrong = read("metadata")
    wrong["network_data_format"]["inputs"]["image"]["num_channels"] = [1]
    (tmp_path / "metadata.json").write_text(json.dumps(wrong))
    assert bundle(words[0], words[1], tmp_path / "metadata.json", words[3], schema).status == 1


def test_metadata_tells_of_its_version_and_packages():
    metadata = read("metadata")
    assert metadata["version"] in metadata["changelog"]
    pinned = dict(
        line.split("#")[0].strip().split("==")
        for line in (BUNDLE.parent / "requirements.txt").read_text().splitlines()
        if "==" in line.split("#")[0]
    )
    stated = {**metadata["required_packages_version"], "monai": metadata["monai_version"]}
    stated |= {"torch": metadata["pytorch_version"], "numpy": metadata["numpy_version"]}
    assert {name: pinned.get(name) for name in stated} == stated


def test_network_takes_and_gives_what_metadata_says(bundle):
    words = ("--meta_file", "configs/metadata.json", "--config_file", "configs/inference.json")
    done = bundle("verify_net_in_out", "network_def", *words).ok()
    assert "verified with no error" in done.stdout + done.stderr
    assert bundle("verify_net_in_out", "network_def", *words, "--network_def#out_channels", 3).status == 1


@pytest.mark.parametrize(("overlay", "parameters"), [("full_width", 90.5), ("published", 58.2)])
@pytest.mark.parametrize("base", ["train", "inference"])
def test_wide_networks_have_the_sizes_that_readme_states(base, overlay, parameters):
    with torch.device("meta"):  # shapes alone, without the memory
        network = parser_of(base, f"overlays/{overlay}").get_parsed_content("network_def")
    assert round(sum(weight.numel() for weight in network.parameters()) / 1e6, 1) == parameters


def test_the_overlay_of_the_release_is_its_graph():
    overlay = network_arguments("published")
    shared = RELEASED.keys() & overlay.keys()
    assert {name: overlay[name] for name in shared} == {name: RELEASED[name] for name in shared}
    default = TubeNet(channels=TINY_CHANNELS).arguments
    assert {name: json.loads(json.dumps(default[name])) for name in RELEASED.keys() - shared} == {
        name: RELEASED[name] for name in ("act", "attention")
    }


@pytest.mark.parametrize("overlay", ["overlays/attention", "overlays/published", *LOSSES])
def test_weights_trained_with_an_overlay_work_with_it(overlay, bundle, tiny_dataset, tmp_path):
    """Training, then inference and evaluation, as `overlay` and weights have to agree."""
    weights = tmp_path / "model_best.pt"
    options = {**TINY_TRAINING, "dataset_dir": tiny_dataset}
    bundle.run(("train", overlay), **options, ckpt_dir=tmp_path).ok()
    network = [overlay] if overlay in NETWORKS else []
    to_test = {"dataset_dir": tiny_dataset, "output_dir": tmp_path / "out", "ckpt_path": weights, **TINY_NETWORK}
    bundle.run(("inference", *network), **to_test).ok()
    _, voxels = read_volume(tmp_path / "out" / "a_seg.tif")
    assert voxels.shape == read_volume(tiny_dataset / "images" / "a.tif")[1].shape
    if network:
        bundle.run("inference", **to_test).refused(weights, "in the weights and", "use the configs and overlays")


def test_validate_elsewhere(bundle, tiny_dataset, other_dataset, tmp_path):
    """All of one dataset trains, all of another validates; the class values are those of both."""
    options = {**TINY_TRAINING, "dataset_dir": tiny_dataset, "ckpt_dir": tmp_path}
    done = bundle.run(("train", "overlays/validate_elsewhere"), **options, val_dir=other_dataset).ok()
    assert "validates on itself" not in done.stderr
    sidecar = read_sidecar(tmp_path / "model_best.pt")
    assert sidecar["trained_on"] == ["a"]
    assert sidecar["validated_on"] == "b, which does not train"
    bundle.run(("train", "overlays/validate_elsewhere"), **options, val_dir=tmp_path / "no").refused(tmp_path / "no")
