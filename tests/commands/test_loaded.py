import pytest

from scripts.commands.loaded import loaded_workflow
from scripts.core import UserError
from tests.helpers.bundle_command import TINY_CHANNELS


def test_weights_are_loaded_and_nothing_is_segmented_yet(tiny_weights, tmp_path):
    options = {
        "ckpt_path": str(tiny_weights),
        "network_def#channels": TINY_CHANNELS,
        "output_dir": str(tmp_path / "out"),
    }
    workflow = loaded_workflow(**options)
    network = workflow.parser.get_parsed_content("network")
    assert list(network.arguments["channels"]) == list(TINY_CHANNELS)
    assert workflow.dataset.data == [{}]
    assert not (tmp_path / "out").exists()


def test_an_overlay_that_is_not_there_is_refused():
    with pytest.raises(UserError, match=r"none\.json: no such config"):
        loaded_workflow(["none.json"])
