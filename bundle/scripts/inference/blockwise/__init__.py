"""Segment volumes larger than memory, block by block, to the same result as in memory.

Read `segment.py` first: it has the stages in order. Scaling (`scripts.transforms.scaling_of`) takes one look at the
whole volume. Then the network runs over blocks (`network_pass.py`), each window once, on the one grid of the whole
volume (`grid.py`), at one size or several (`scales.py`, `resampled.py`), and the logits go to an array on disk. From
these the classes are decided block by block and cleaned (`classes.py`), and the result is written. What is done is
recorded in the arrays (`stages.py`), so that a run that was killed goes on (`work_folder.py`). Blocks may be done by
several processes or machines (`cluster.py`). `plan.py` says how large they are.
"""

from .plan import plan_blocks, read_memory
from .score import ScoringEvaluator
from .segment import Blockwise

__all__ = ["Blockwise", "ScoringEvaluator", "plan_blocks", "read_memory"]
