"""The comparisons of the paper on one's own data: what trains, and what is scored."""

from .block import labelled_box, share_of, typical_box, with_margin
from .kind import kind_of
from .part import NOT_LABELLED, LabelledVolume, Part, write_part, write_parts
from .trial import Setting, Trial

__all__ = [
    "NOT_LABELLED",
    "LabelledVolume",
    "Part",
    "Setting",
    "Trial",
    "kind_of",
    "labelled_box",
    "share_of",
    "typical_box",
    "with_margin",
    "write_part",
    "write_parts",
]
