"""What the filters offer, and the query that their values make."""

from pathlib import Path

from tests.ui.results import write_results
from workbench.ui.benchmark.items.filters import field_choices, ordering, query_of
from workbench.ui.benchmark.items.index import item_index
from workbench.ui.benchmark.tables import read_report


def test_clicks_carry_an_order_or_a_page_and_nothing_else() -> None:
    assert ordering({"sort": "gold", "down": 1}) == {"sort": "gold", "down": True, "page": 0}
    assert ordering({"sort": "__dict__"}) == {"sort": "", "down": False, "page": 0}
    assert ordering({"page": 3}) == {"page": 3} and ordering({"page": "3"}) == {} == ordering({})
    values = ("image", "base", None, "accuracy", "all", "MRI", "", "", "", "", "", "word")
    query = query_of({"sort": "gold", "down": True, "page": 2, "text": "forged"}, values)
    assert (query.fields["modality"], query.text, query.second, query.page) == ("MRI", "word", "", 2)


def test_a_field_offers_its_values_with_how_many_items_have_them(tmp_path: Path) -> None:
    folder = write_results(tmp_path / "phantoms")
    index = item_index(folder, read_report(folder))
    assert field_choices(index, "modality") == [("any", ""), ("X-ray (6)", "X-ray"), ("MRI (4)", "MRI")]
