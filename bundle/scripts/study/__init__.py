"""The comparisons of the paper on one's own data: what trains, and what is scored."""

from .block import has_both, labelled_box, share_of, typical_box, with_margin
from .description import SELECTS_BY, WORDS, check_options, read_description, study_names
from .held_out import HeldOut, hold_out
from .kind import kind_of
from .part import NOT_LABELLED, LabelledVolume, Part, write_part, write_parts
from .plans import PLANS
from .record import best_by_validation, folder_of, record_of
from .storage import Storage, database_in
from .trial import Setting, Trial

__all__ = [
    "NOT_LABELLED",
    "PLANS",
    "SELECTS_BY",
    "WORDS",
    "HeldOut",
    "LabelledVolume",
    "Part",
    "Setting",
    "Storage",
    "Trial",
    "best_by_validation",
    "check_options",
    "database_in",
    "folder_of",
    "has_both",
    "hold_out",
    "kind_of",
    "labelled_box",
    "read_description",
    "record_of",
    "share_of",
    "study_names",
    "typical_box",
    "with_margin",
    "write_part",
    "write_parts",
]
