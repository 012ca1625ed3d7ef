import pytest

from scripts.io.tiff.ome import (
    check_planes,
    drop_own_names,
    master_of,
    named_files,
    ome_description,
    parse_ome,
    physical_sizes,
)
from tests.helpers.volume_examples import told

XML = """<OME xmlns="u" UUID="urn:uuid:1"><Image><Description>d</Description>
<Pixels DimensionOrder="XYZCT" SizeX="5" SizeY="4" SizeZ="3" SizeC="1" SizeT="1" PhysicalSizeX="0.5">
<Channel SamplesPerPixel="1"/><TiffData IFD="0" PlaneCount="3"/></Pixels></Image></OME>"""
ONE = '<TiffData IFD="0" PlaneCount="3"/>'


def check(xml, pages=3):
    check_planes("a.tif", parse_ome("a.tif", xml), {"a.tif": pages}, (5, 4))


def test_what_it_says():
    root = parse_ome("a.tif", XML)
    assert physical_sizes(root) == [{"PhysicalSizeX": "0.5"}]
    assert ome_description(root) == "d"
    assert (named_files(root), master_of(root)) == ([], None)
    check(XML)


def test_what_is_not_ome_says_nothing():
    root = parse_ome("a.tif", "<OME/>")
    assert (physical_sizes(root), ome_description(root), named_files(root)) == ([], "", [])
    with pytest.raises(ValueError, match="damaged") as error:
        parse_ome("a.tif", "not xml")
    told(error, "a.tif", "export it again")


def test_files_are_named_unless_they_are_this_one():
    own, other = '<UUID FileName="a.tif">urn:uuid:1</UUID>', '<UUID FileName="../b.tif">urn:uuid:2</UUID>'
    parts = f'<TiffData IFD="0" PlaneCount="1">{own}</TiffData><TiffData FirstZ="1">{other}</TiffData>'
    assert named_files(parse_ome("a.tif", XML.replace(ONE, parts))) == ["../b.tif"]
    part = '<OME xmlns="u"><BinaryOnly MetadataFile="x.companion.ome" UUID="urn:uuid:3"/></OME>'
    assert master_of(parse_ome("a.tif", part)) == "x.companion.ome"


def test_a_name_of_its_own_is_dropped_only_where_it_can_be_no_other():
    own, other = '<UUID FileName="a.tif">u1</UUID>', '<UUID FileName="b.tif">u2</UUID>'
    for head, parts, dropped in (("", own * 2, True), ('UUID="u1"', own, False), ("", own + other, False)):
        root = parse_ome("a.tif", f"<OME {head}><TiffData>{parts}</TiffData></OME>")
        before = named_files(root)
        assert drop_own_names(root) is dropped
        assert named_files(root) == ([] if dropped else before)


def test_entities_are_refused_before_they_grow():
    bomb = '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><OME>&b;</OME>'
    with pytest.raises(ValueError, match="entities") as error:
        parse_ome("a.tif", bomb)
    told(error, "a.tif")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('SizeZ="3"', 'SizeZ="2"'),
        ('SizeZ="3"', 'SizeZ="4"'),
        ('SizeZ="3"', 'SizeZ="2147483648"'),
        ('SizeZ="3"', 'SizeZ="0"'),
        ('SizeZ="3"', 'SizeZ="-3"'),
        ('SizeZ="3"', f'SizeZ="{"9" * 4000}"'),
        ('SizeC="1"', 'SizeC="10000000"'),
        ('SizeT="1"', 'SizeT="2"'),
        ('SizeX="5"', 'SizeX="2147483648"'),
        ('SizeY="4"', 'SizeY="5"'),
        ('PlaneCount="3"', 'PlaneCount="2147483648"'),
        ('IFD="0"', 'IFD="2147483648"'),
        ('IFD="0"', 'IFD="-1"'),
        (ONE, ONE * 2),
        ('SamplesPerPixel="1"', 'SamplesPerPixel="3"'),
        ("</OME>", '<X><ModuloAlongZ Start="0" End="1e11" Step="1"/></X></OME>'),
        ("</OME>", '<X><ModuloAlongZ Start="0" End="nan" Step="1"/></X></OME>'),
    ],
)
def test_planes_are_held_against_pages(old, new):
    assert old in XML
    with pytest.raises(ValueError, match="its OME-XML") as error:
        check(XML.replace(old, new))
    told(error, "a.tif", "export it again")
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("pages", [2, 4])
def test_pages_are_held_against_planes(pages):
    with pytest.raises(ValueError, match=f"{pages} pages are there"):
        check(XML, pages)


def test_ordinary_ways_to_say_it():
    check(XML.replace(ONE, "<TiffData/>"))
    check(XML.replace(ONE, "".join(f'<TiffData IFD="{z}" FirstZ="{z}"/>' for z in range(3))))
    check(XML.replace('SizeC="1"', 'SizeC="3"').replace('SamplesPerPixel="1"', 'SamplesPerPixel="3"'))
    check(XML.replace("</OME>", "<Image><Pixels/></Image></OME>"))  # described, and not here
    check(XML.replace("</OME>", '<X><ModuloAlongZ Start="0" End="2" Step="1"/></X></OME>'))
    images = XML[XML.index("<Image>") : XML.index("</OME>")]
    check(XML.replace("</OME>", f"{images}</OME>"), 6)
