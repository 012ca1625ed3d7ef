"""The MONAI transforms that MONAI lacks: of whole volumes, of patches, and of what the network says."""

from .intensity import MOST_SORTED, ScaleToUnitd
from .labels import KeepRegiond, MapLabelsd, is_labelled
from .patches import FitToPatchesd, LabelIndicesd, RandVesselCropd
from .post import SaveProbabilityd, SoftmaxInPlaced, ThresholdVesselsd
from .spatial import RestoreAxesd, ThroughPlaneLastd, rotation_margin

__all__ = [
    "MOST_SORTED",
    "FitToPatchesd",
    "KeepRegiond",
    "LabelIndicesd",
    "MapLabelsd",
    "RandVesselCropd",
    "RestoreAxesd",
    "SaveProbabilityd",
    "ScaleToUnitd",
    "SoftmaxInPlaced",
    "ThresholdVesselsd",
    "ThroughPlaneLastd",
    "is_labelled",
    "rotation_margin",
]
