"""The export is read back as the same records."""

from workbench.phantoms import DRAWERS
from workbench.training.cli import main
from workbench.training.sft.export import phantom_records
from workbench.training.sft.sources import load_records


def test_the_export_reads_back_as_it_was_written(tmp_path, capsys):
    assert main(["export", "--phantoms", "12", "--seed", "3", "--out", str(tmp_path)]) == 0
    assert "records: 12" in capsys.readouterr().out
    table, report = load_records("records", str(tmp_path))
    assert (report.rows, report.kept, report.bad) == (12, 12, ())
    for read, made in zip(table, phantom_records(tmp_path / "again", 12, 3), strict=True):
        assert read.image.read_bytes() == made.image.read_bytes()
        for name in (
            "record_id",
            "question",
            "answer",
            "options",
            "reasoning",
            "tag",
            "boxes",
            "rare",
            "source",
        ):
            assert getattr(read, name) == getattr(made, name), name
    assert {record.record_id.split("-")[0] for record in table} == set(DRAWERS)


def test_reasoning_is_the_small_pairs_target(tmp_path):
    for record in phantom_records(tmp_path, 11, 0):
        assert record.reasoning.startswith(record.tag + "<think>")
        assert record.reasoning.endswith(f"<answer>{record.answer}</answer>")


def test_a_corpus_is_copied_beside_its_questions(real_data, tmp_path):
    argv = ["export", "--phantoms", "0", "--corpus", str(real_data / "corpus"), "--out", str(tmp_path)]
    assert main(argv) == 0
    table, report = load_records("records", str(tmp_path))
    assert len(table) == report.rows > 8000 and table[0].image.is_file()
