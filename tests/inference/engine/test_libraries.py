"""OpenVINO and NNCF are imported when they are needed, tell nobody, and are named where they are missing."""

import subprocess
import sys

import pytest

from tests.helpers.python_m import BUNDLE


def run(code):
    """In a process of its own, as nothing imported here may count."""
    return subprocess.run([sys.executable, "-c", code], cwd=BUNDLE, capture_output=True, text=True, check=False)


def test_neither_reports_that_it_is_used():
    done = run(
        "import sys\n"
        "from scripts.inference.engine.libraries import nncf, openvino\n"
        "library = nncf()\n"
        "from openvino.tools.ovc import telemetry_utils\n"
        "from nncf.telemetry.wrapper import telemetry\n"
        "print(telemetry_utils.tm.__name__, type(telemetry).__name__, sys.modules['openvino_telemetry'])"
    )
    assert done.stdout.split() == ["openvino.tools.ovc.telemetry_stub", "MagicMock", "None"], done.stderr


def test_they_are_not_imported_before():
    done = run("import sys, scripts.inference; print({'openvino', 'nncf'} & set(sys.modules))")
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.parametrize("package", ["openvino", "nncf"])
def test_one_that_is_missing_is_named_with_its_extra(package):
    done = run(
        f"import sys; sys.modules[{package!r}] = None\n"
        f"from scripts.inference.engine import libraries\n"
        f"from scripts.core import UserError\n"
        f"try:\n    libraries.{package}()\nexcept UserError as error:\n    print(error)"
    )
    option = {"openvino": "--engine openvino", "nncf": "--amp int8"}[package]
    assert f"{option}: needs {package}, which is not installed" in done.stdout, done.stderr
    assert "tubenet[fast]" in done.stdout


def test_the_log_of_the_process_stays_as_it_was():
    done = run(
        "import logging\n"
        "root = logging.getLogger()\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "def state(): return root.level, list(root.filters), list(root.handlers), logging.getLoggerClass()\n"
        "before = state()\n"
        "import torch\n"
        "from scripts.inference.engine.quantised import quantise\n"
        "from scripts.network import TubeNet\n"
        "quantise(TubeNet(channels=[4, 4]), torch.rand(2, 1, 32, 32, 32))\n"
        "print(state() == before)"
    )
    assert done.stdout.split() == ["True"], done.stderr


def test_a_signal_does_not_crash_the_process_after_networks_have_come_and_gone():
    done = run(
        "import faulthandler, gc, os, signal\n"
        "faulthandler.enable()\n"  # it has a stack for signals too
        "import torch\n"
        "from scripts.inference.engine.compiled import CompiledNetwork\n"
        "from scripts.inference.engine.quantised import quantise\n"
        "from scripts.network import TubeNet\n"
        "windows = torch.rand(2, 1, 32, 32, 32)\n"
        "graph = quantise(TubeNet(channels=[4, 4]), windows)\n"
        "networks = [CompiledNetwork(graph, 'fp32') for _ in range(2)]\n"
        "for network in networks: network(windows)\n"
        "while networks:\n"
        "    del networks[0], network\n"
        "    gc.collect()\n"
        "    network = None\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('handled'))\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\n"
        "print('alive')"
    )
    assert done.stdout.split() == ["handled", "alive"], done.stderr
    assert done.returncode == 0
