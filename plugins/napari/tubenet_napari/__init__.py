"""Blood vessels in napari: segment, correct, teach the network, measure.

Start reading at `widget/main.py`, what is seen, and `jobs.py`, what runs. Voxels are `(Z, Y, X)` in napari's layers and
`(X, Y, Z)` in the bundle; `geometry.py` goes from one to the other.
"""

import sys

from tubenet import bundle_folder

if str(bundle_folder()) not in sys.path:
    sys.path.append(str(bundle_folder()))  # at the end: nothing of the bundle hides anything of napari
