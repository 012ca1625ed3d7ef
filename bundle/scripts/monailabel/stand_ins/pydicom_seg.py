"""Stands in for pydicom-seg, which MONAI Label imports and pydicom 3 breaks.

Our server uses nothing of it: this bundle reads and writes segmentations itself.
"""
