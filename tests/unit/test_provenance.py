"""The record that every result carries."""

import hashlib

from isoprune.provenance import record, sha256_of_file, sha256_of_json


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_inputs_are_known_by_their_bytes_one_or_several(tmp_path):
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode())
    inputs = {"target": tmp_path / "a", "others": [str(tmp_path / "b"), str(tmp_path / "c")], "none": []}
    found = record({}, inputs)["inputs_sha256"]
    assert found == {"none": [], "others": [sha256(b"b"), sha256(b"c")], "target": sha256(b"a")}
    assert list(found) == sorted(found)
    assert sha256_of_file(tmp_path / "a") == sha256(b"a")


def test_record_holds_no_path_and_does_not_depend_on_where_files_lie(tmp_path):
    records = []
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a").write_text("content")
        records.append(record({"seed": 0}, {"x": tmp_path / folder / "a", "y": [tmp_path / folder / "a"]}))
    assert records[0] == records[1]
    assert str(tmp_path) not in str(records)


def test_settings_have_one_hash_whatever_their_order():
    assert sha256_of_json({"a": 1, "b": [1, 2]}) == sha256_of_json({"b": [1, 2], "a": 1})
    assert sha256_of_json({"a": 1}) != sha256_of_json({"a": 2})
    assert sha256_of_json([1, 2]) != sha256_of_json([2, 1])


def test_facts_stand_beside_settings_and_inputs():
    assert record({}, {}, device="cpu")["device"] == "cpu"
