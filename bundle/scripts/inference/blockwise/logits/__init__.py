"""Logits of a volume, found by the network block by block and asked for box by box."""

from .combined import LogitsByBox, MeanOfScales, WithClassifier
from .network_pass import NetworkPass, StoredLogits
from .scales import Scales
from .views import MeanOfViews

__all__ = ["LogitsByBox", "MeanOfScales", "MeanOfViews", "NetworkPass", "Scales", "StoredLogits", "WithClassifier"]
