"""Series and segmentations in DICOM's JSON, as a server sends them."""

import pytest

pytest.importorskip("pydicom")

from pydicom.sr.codedict import codes

from scripts.monailabel.dicomweb.series import (
    MODALITIES,
    Segmentation,
    corrections,
    count_of,
    info_of,
    moment_of,
    segmentation_of,
    value_of,
)

ZONE = "00080201"


def header(maker="OHIF", kinds=("SEMIAUTOMATIC",), of="1.2.3", day="20260102", time="101112.5"):
    return {
        "00080070": {"vr": "LO", "Value": [maker]},
        "00080023": {"vr": "DA", "Value": [day]},
        "00080033": {"vr": "TM", "Value": [time]},
        "0020000D": {"vr": "UI", "Value": ["1.2"]},
        "0020000E": {"vr": "UI", "Value": ["1.2.9"]},
        "00080018": {"vr": "UI", "Value": ["1.2.9.1"]},
        "00081115": {"vr": "SQ", "Value": [{"0020000E": {"vr": "UI", "Value": [of]}}]},
        "00620002": {"vr": "SQ", "Value": [{"00620008": {"vr": "CS", "Value": [kind]}} for kind in kinds]},
    }


def test_modalities_are_dicoms():
    assert set(MODALITIES) <= {code.value for code in codes.cid33.concepts.values()} | {"OCT", "OPTBSV", "PA"}
    assert {"CT", "MR", "XA", "OPT"} <= set(MODALITIES)
    assert not {"SEG", "SR", "PR", "RTSTRUCT"} & set(MODALITIES)


def test_an_absent_value_is_empty():
    assert value_of({}, "00080060") == value_of({"00080060": {"vr": "CS"}}, "00080060") == ""
    assert value_of({"00080060": {"vr": "CS", "Value": [None]}}, "00080060") == ""
    assert info_of(header())["StudyInstanceUID"] == "1.2"
    assert info_of(header())["PatientID"] == "UNK"


@pytest.mark.parametrize(
    ("maker", "kinds", "ours"),
    [
        ("tubenet", ("AUTOMATIC", "AUTOMATIC"), True),
        ("tubenet", ("AUTOMATIC", "SEMIAUTOMATIC"), False),  # submitted to us
        ("tubenet", ("SEMIAUTOMATIC",), False),
        ("OHIF", ("AUTOMATIC",), False),  # stored by a viewer, whatever it was before
        ("tubenet", (), False),
    ],
)
def test_ours_are_told_from_a_persons(maker, kinds, ours):
    assert segmentation_of(header(maker, kinds)).ours == ours


def test_what_a_segmentation_says():
    assert segmentation_of(header()) == Segmentation(
        "1.2", "1.2.9", "1.2.9.1", "1.2.3", "2026-01-02T10:11:12.500000", False
    )
    assert segmentation_of({}) == Segmentation("", "", "", "", "0001-01-01T00:00:00.000000", False)


def test_the_latest_counts_and_ours_never():
    found = [
        segmentation_of(header(day="20260102")),
        segmentation_of(header(day="20260103")),
        segmentation_of(header("tubenet", ("AUTOMATIC",), day="20260104")),
        segmentation_of(header(of="of another list")),
    ]
    assert corrections(found, ["1.2.3", "1.2.4"]) == {"1.2.3": found[1]}
    assert corrections(found[::-1], ["1.2.3"]) == {"1.2.3": found[1]}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (("20260102", "101112"), ("20260102", "101112.000001")),
        (("20260102", "101112.5"), ("20260102", "101112.9")),
        (("20260102", "1011"), ("20260102", "101101")),
        (("20260102", "10"), ("20260102", "1001")),
        (("20260102", ""), ("20260102", "000001")),
        (("20260102", "115900"), ("20260102", "115960")),  # a leap second
        (("20260102", "120000", "+0100"), ("20260102", "112000")),  # ours in Berlin, then OHIF's, in UTC
        (("20260102", "112000"), ("20260102", "123000", "+0100")),
        (("20260102", "003000", "+0100"), ("20260101", "234000")),
        (("20260102", "120000"), ("20260102", "083100", "-0330")),
        (("no", "date"), ("19000101", "")),
    ],
)
def test_times_can_be_compared(earlier, later):
    assert moment_of(*earlier) < moment_of(*later)


def test_the_zone_of_a_segmentation_counts():
    berlin = header(time="120000") | {ZONE: {"vr": "SH", "Value": ["+0100"]}}
    later = header(time="112000")
    assert segmentation_of(berlin).made == "2026-01-02T11:00:00.000000"
    assert corrections(map(segmentation_of, [berlin, later]), ["1.2.3"])["1.2.3"] == segmentation_of(later)


@pytest.mark.parametrize(("value", "count"), [(24, 24), ("24", 24), (None, 0), ("many", 0)])
def test_how_many_images(value, count):
    assert count_of({"00201209": {"vr": "IS", "Value": [value]}}) == count
    assert count_of({}) == 0
