"""Run the network by OpenVINO, in int8 where that finds the same.

`EngineInferer` (`engine.py`) decides, and `calibrate` prepares for it. A network becomes OpenVINO's graph (`graph.py`),
is quantised by windows of the volume (`quantised.py`, `windows.py`), compiled (`compiled.py`), and held against float32
(`guard.py`).
"""

from .calibration import calibrate, windows_of
from .compiled import CompiledNetwork
from .engine import OPENVINO, TORCH, EngineInferer
from .libraries import has_openvino
from .quantised import CALIBRATED, file_beside, fingerprint, load, quantise, save

__all__ = [
    "CALIBRATED",
    "OPENVINO",
    "TORCH",
    "CompiledNetwork",
    "EngineInferer",
    "calibrate",
    "file_beside",
    "fingerprint",
    "has_openvino",
    "load",
    "quantise",
    "save",
    "windows_of",
]
