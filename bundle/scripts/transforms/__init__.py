"""Transform volumes, labels and patches where MONAI has no transform for it.

All of these take and return dictionaries, as MONAI's do whose names end in `d`. Arrays are channel-first, `(C, X, Y,
Z)`. Intensity is scaled over the whole volume, and the values of a label file become class indices, with -1 for what is
not labelled:

    >>> image = torch.tensor([2.0, 3.0, 4.0, 10.0]).reshape(1, 4, 1, 1)
    >>> label = torch.tensor([0.0, 255.0, -1.0, 255.0]).reshape(1, 4, 1, 1)
    >>> scaled = ScaleToUnitd("image", lower=0, upper=100)({"image": image})
    >>> scaled["image"].flatten().tolist()
    [0.0, 0.125, 0.25, 1.0]
    >>> mapped = MapLabelsd("label", values=[0, 255])({"label": label})
    >>> mapped["label"].flatten().tolist()
    [0, 1, -1, 1]

What the network gives becomes probabilities and a segmentation:

    >>> logits = torch.tensor([[0.0, 0.0, 0.0], [-2.0, -0.5, 2.0]]).reshape(2, 3, 1, 1)  # background, vessel
    >>> out = ThresholdVesselsd("pred", threshold=0.3)(SoftmaxInPlaced("pred")({"pred": logits}))
    >>> out["pred"].flatten().tolist()
    [0, 1, 1]
"""

from .components import MAX_LABELLED, drop_small, fill_holes, keep_those_with
from .curvature import BLURRED, FEATURES, REACH_OF_FEATURES, voxel_features
from .intensity import INVERTED, ScaleToUnitd
from .labels import KeepRegiond, MapLabelsd, SetValuesd, is_labelled, read_label_value
from .patches import FitToPatchesd, LabelIndicesd, RandVesselCropd
from .polarity import CLEARLY_DARK, MAX_LOOKED_AT, polarity
from .post import SaveProbabilityd, SoftmaxInPlaced, ThresholdVesselsd, in_voxels
from .ranges import intensity_range
from .scaling import Scaling, scaling_notes, scaling_of
from .seen import MAX_SORTED
from .smooth import REACH_OF_SMOOTHING, SmoothLogitsd, SmoothProbabilityd, logits_of, sigma_of_axes, smooth_in_place
from .spatial import RestoreAxesd, ThroughPlaneLastd, rotation_margin
from .stored import OpenStoredd, RandStoredCropd, ReadStoredd

__all__ = [
    "BLURRED",
    "CLEARLY_DARK",
    "FEATURES",
    "INVERTED",
    "MAX_LABELLED",
    "MAX_LOOKED_AT",
    "MAX_SORTED",
    "REACH_OF_FEATURES",
    "REACH_OF_SMOOTHING",
    "FitToPatchesd",
    "KeepRegiond",
    "LabelIndicesd",
    "MapLabelsd",
    "OpenStoredd",
    "RandStoredCropd",
    "RandVesselCropd",
    "ReadStoredd",
    "RestoreAxesd",
    "SaveProbabilityd",
    "ScaleToUnitd",
    "Scaling",
    "SetValuesd",
    "SmoothLogitsd",
    "SmoothProbabilityd",
    "SoftmaxInPlaced",
    "ThresholdVesselsd",
    "ThroughPlaneLastd",
    "drop_small",
    "fill_holes",
    "in_voxels",
    "intensity_range",
    "is_labelled",
    "keep_those_with",
    "logits_of",
    "polarity",
    "read_label_value",
    "rotation_margin",
    "scaling_notes",
    "scaling_of",
    "sigma_of_axes",
    "smooth_in_place",
    "voxel_features",
]
