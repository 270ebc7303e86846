"""A file that is damaged between two runs stops what reads it, by name; without it the next run mends everything."""

import pytest

from damage import flipped

UNIT = "net-mine_target-IT_sub-02_sup-own"
SUMMARY = ("--", "results/tiny/summary.tsv")


@pytest.fixture
def damaged(study):
    path = study.results / "null" / f"{UNIT}_null.npz"
    content = path.read_bytes()
    path.write_bytes(flipped(content, len(content) // 2, 1))
    return path


def test_a_damaged_file_stops_what_reads_it_and_is_made_again_when_it_is_gone(study, finished, damaged):
    output = study.snakemake(*SUMMARY, check=False)
    assert "Error in rule summary" in output
    logs = "".join(path.read_text() for path in study.results.rglob("logs/**/summary.log"))
    assert f"{damaged.name}: its content is not what was written" in output + logs
    damaged.unlink()
    study.snakemake(*SUMMARY)
    assert study.tables() == finished.tables()
