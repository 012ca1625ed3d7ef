"""The picture by the size of the block holds what it is given."""

from skimage.io import imread

from experiments.few_labels.plan import BLOCK, Cut
from experiments.few_labels.size_curve import write_size_curve
from experiments.few_labels.tables import ZERO_SHOT, Scores
from experiments.few_labels.trial import FINE_TUNED, FROM_SCRATCH
from scripts.study import Part

BOX = Part(((0, 8), (0, 8), (0, 8)))
CUTS = {"a": Cut(BLOCK, {"32": BOX, "16": BOX}, BOX, {}), "b": Cut(BLOCK, {"16": BOX}, BOX, {})}


def picture(path, scratch=0.5, spread=0.0, cuts=CUTS):
    rows = []
    for volume, cut in CUTS.items():
        found = [
            (ZERO_SHOT, "", 0.4),
            *((FINE_TUNED, side, 0.6 + sign * spread) for side in cut.trains for sign in (-1, 1)),
        ]
        for method, side, value in (*found, (FROM_SCRATCH, cut.main, scratch)):
            about = {"volume": volume, "kind": volume, "state": BLOCK, "weights": method, "side": side}
            rows.append({**about, "average_precision": value, "dice": value})
    write_size_curve(path, Scores(rows), cuts)
    return imread(path)


def test_the_picture_shows_scores_spread_and_volumes(tmp_path):
    one = picture(tmp_path / "one.png")
    for other in ({"scratch": 0.55}, {"spread": 0.05}, {"cuts": {"a": CUTS["a"]}}):
        two = picture(tmp_path / "two.png", **other)
        assert one.shape == two.shape
        assert (one != two).any(), other
