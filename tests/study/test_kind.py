from scripts.study import kind_of


def test_a_kind_is_told_by_how_a_name_begins():
    kinds = {"two": "pairs", "two_photon": "two-photon"}
    assert kind_of("two_photon_bbb", kinds) == "two-photon"
    assert kind_of("two_1", kinds) == "pairs"
    assert kind_of("mesh_12", kinds) == "mesh"
    assert kind_of("12", {}) == "12"
