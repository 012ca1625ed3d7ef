"""Which blocks of a volume to label next: they stand for most that the network is unsure of.

`candidate_boxes` says where blocks may lie, a `Looker` what the network makes of one, and `rank` which of them teach
most together. `write_block` cuts one out, so that it is segmented as within the whole volume.
"""

from .block import write_block
from .candidates import candidate_boxes, tiles
from .describe import Described, describe
from .look import Looker
from .rank import rank

__all__ = ["Described", "Looker", "candidate_boxes", "describe", "rank", "tiles", "write_block"]
