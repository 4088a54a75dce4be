"""HTML of our own as a tree for `html/markup.js`, so that no page script ever takes markup from text.

A Gradio HTML template is evaluated as a JavaScript template string: a "${…}" in a model's words would run.
"""

from html.parser import HTMLParser
from typing import Any

TAGS = frozenset(
    {
        "a", "b", "br", "button", "caption", "code", "details", "div", "dd", "dl", "dt", "em", "figcaption",
        "figure", "h3", "h4", "h5", "i", "img", "li", "mark", "ol", "p", "section", "small", "span", "strong",
        "sub", "summary", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
    }
)  # fmt: skip
EMPTY = frozenset(("br", "img"))
Node = str | list[Any]  # text, or [tag, {attribute: value}, *children]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root: list[Node] = []
        self.open: list[list[Any]] = []

    def _place(self, node: Node) -> None:
        (self.open[-1] if self.open else self.root).append(node)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            raise ValueError(f"<{tag}> is not an element that the page shows")
        kept = {name: value or "" for name, value in attrs}
        if unsafe := [name for name in kept if name.startswith("on") or name in ("srcdoc", "formaction")]:
            raise ValueError(f"attribute {unsafe[0]!r} would run script")
        if any(str(kept.get(name, "")).strip().lower().startswith("javascript:") for name in ("href", "src")):
            raise ValueError("an address would run script")
        node: list[Any] = [tag, kept]
        self._place(node)
        if tag not in EMPTY:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if tag in EMPTY:
            return
        if not self.open or self.open[-1][0] != tag:
            raise ValueError(f"</{tag}> closes nothing that is open")
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self._place(data)


def tree(html: str) -> list[Node]:
    """The nodes of an HTML fragment of ours. Raises ValueError for elements or attributes that could run
    script, and for elements that are not closed in order."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if reader.open:
        raise ValueError(f"<{reader.open[-1][0]}> is not closed")
    return reader.root
