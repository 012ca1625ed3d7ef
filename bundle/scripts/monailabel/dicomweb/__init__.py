"""Images on a DICOMweb server: its series, its segmentations, and OHIF's requests to it."""

from .access import DATASTORE, PASSWORD, TOKEN, USER, check_server

__all__ = ["DATASTORE", "PASSWORD", "TOKEN", "USER", "check_server"]
