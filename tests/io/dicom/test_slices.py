import pytest

from scripts.io import read_header, read_volume
from scripts.io.dicom.slices import TAGS
from tests.helpers.volume_examples import told

pydicom = pytest.importorskip("pydicom")
from pydicom.uid import JPEG2000MC, DeflatedExplicitVRLittleEndian  # noqa: E402

from tests.helpers.dicom_examples import multiframe, series, voxels  # noqa: E402


def refused(path, *words, file="IM72"):
    with pytest.raises(ValueError, match=words[0]) as error:
        read_header(path)
    told(error, path / file if path.is_dir() else path, *words)
    assert "Unspeakable" not in str(error.value)


def spoilt(folder, spoil):
    return series(folder, change=lambda ds, number: spoil(ds) if number == 2 else None)


@pytest.mark.parametrize(
    "keyword",
    [
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "FrameOfReferenceUID",
        "StudyInstanceUID",
        "Rows",
    ],
)
def test_missing_tags(tmp_path, keyword):
    refused(spoilt(tmp_path / "scan", lambda ds: delattr(ds, keyword)), f"its header has no {keyword}", "export it")


@pytest.mark.parametrize(
    ("keyword", "value", "words"),
    [
        ("PixelSpacing", [0, 1], "PixelSpacing is 0 and 1"),
        ("ImagePositionPatient", [1, 2], "ImagePositionPatient is not 3 numbers"),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], "two perpendicular directions"),
        ("BitsStored", 17, "17 bits in 16"),
        ("PhotometricInterpretation", "PALETTE COLOR", "PALETTE COLOR"),
        ("SamplesPerPixel", 3, "3 numbers of kind MONOCHROME2"),
        ("NumberOfFrames", 3, "3 frames and says of 0"),
        ("Rows", 0, "Rows is 0"),
    ],
)
def test_tags_that_make_no_sense(tmp_path, keyword, value, words):
    refused(spoilt(tmp_path / "scan", lambda ds: setattr(ds, keyword, value)), words)


def test_a_file_that_is_cut_short(tmp_path):
    path = series(tmp_path / "scan")
    whole = (path / "IM72").read_bytes()
    (path / "IM72").write_bytes(whole[:-1])
    with pytest.raises(ValueError, match="cannot be decoded"):  # the header of so small a file is longer than a voxel
        read_volume(path)
    for length in (len(whole) // 2, 200, 140):
        (path / "IM72").write_bytes(whole[:length])
        refused(path, ";")
    big = series(tmp_path / "big", voxels(4).repeat(20, 1).repeat(20, 2))
    (big / "IM72").write_bytes((big / "IM72").read_bytes()[:-5000])
    refused(big, "it is cut short, its voxels alone take 28000 bytes of")


def test_frames_cut_short(tmp_path):
    path = multiframe(tmp_path / "a.dcm", voxels(4).repeat(20, 1).repeat(20, 2))
    path.write_bytes(path.read_bytes()[:-9000])
    refused(path, "it is cut short")


@pytest.mark.parametrize(
    ("syntax", "words"),
    [(JPEG2000MC, "JPEG 2000 Part 2"), (DeflatedExplicitVRLittleEndian, "deflated")],
)
def test_compressed_as_nothing_can_read(tmp_path, syntax, words):
    path = series(tmp_path / "scan")
    ds = pydicom.dcmread(path / "IM72")
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax.is_encapsulated:
        ds.PixelData = pydicom.encaps.encapsulate([b"\0" * 8])
    ds.save_as(path / "IM72", enforce_file_format=True)
    refused(path, words)


def test_of_the_patient_only_the_number_is_read_before_more_is_needed():
    places = ("ImagePositionPatient", "ImageOrientationPatient")
    assert [tag for tag in TAGS if "Patient" in tag and tag not in places] == ["PatientID"]


def test_a_damaged_header_tells_nothing_of_the_patient(tmp_path, recwarn, caplog):
    """A length that is too long makes one value of many, which pydicom's warnings and exceptions repeat."""
    path = series(tmp_path / "scan")
    content = (path / "IM72").read_bytes()
    for tag in (b"\x08\0\x16\0UI", b"\x08\0\x18\0UI", b"\x28\0\x04\0CS", b"\x20\0\x32\0DS", b"\x20\0\x0e\0UI"):
        at = content.index(tag) + len(tag)
        for length in (b"\xff\x0f", b"\xff\0", b"\x03\0"):
            (path / "IM72").write_bytes(content[:at] + length + content[at + 2 :])
            recwarn.clear()
            caplog.clear()
            with pytest.raises(ValueError, match=";") as error:
                read_header(path)
            told_of = [str(error.value), caplog.text, *(str(each.message) for each in recwarn)]
            assert not [text for text in told_of if "Unspeakable" in text or "19000101" in text]
