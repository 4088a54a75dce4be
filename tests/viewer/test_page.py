"""The viewer as one document: whole, fetching nothing, and safe from what a model wrote."""

import json
import re

from workbench.notice import NOTICE
from workbench.viewer.page import viewer_frame, viewer_page

HOSTILE = "</script><script>window.hacked=1</script><img src=http://evil.invalid/x>"


def test_the_data_cannot_end_its_script() -> None:
    page = viewer_page({"case": "1", "columns": [{"text": HOSTILE}]}, title=HOSTILE)
    data = re.search(r"viewer\.update\((.*)\);</script>", page)[1]
    assert json.loads(data)["columns"][0]["text"] == HOSTILE
    assert page.count("<script>") == page.count("</script>") == 1
    assert "<title>&lt;/script&gt;" in page


def test_nothing_is_fetched_and_the_notice_is_there() -> None:
    page = viewer_page({"case": "1", "columns": []})
    assert "default-src 'none'" in page and NOTICE in page
    assert not re.search(r'(src|href)="?http', page)


def test_a_frame_keeps_the_document_to_itself() -> None:
    frame = viewer_frame('<p class="a">&amp;</p>')
    assert 'srcdoc="&lt;p class=&quot;a&quot;&gt;&amp;amp;&lt;/p&gt;"' in frame
    assert 'sandbox="allow-scripts allow-downloads"' in frame
