"""HTML: headings, paragraphs, lists, tables and code of the page's content, without its navigation."""

from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode_html
from ingest.parsers.finishing import finish

_SKIPPED = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "head",
        "svg",
        "math",
        "iframe",
        "object",
        "canvas",
        "select",
        "datalist",
        "dialog",
    ]
)
_NAVIGATION_CLASSES = frozenset(["navheader", "navfooter", "navbar", "breadcrumb", "breadcrumbs", "toc"])
_ASIDE_CLASSES = frozenset(["note", "warning", "tip", "caution", "important", "admonition", "sidebar"])
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "ol",
        "p",
        "section",
        "summary",
        "td",
        "th",
        "tr",
        "ul",
        "caption",
        "tbody",
        "thead",
        "tfoot",
        "option",
    ]
)
_KINDS = {
    "li": BlockKind.LIST_ITEM,
    "dt": BlockKind.LIST_ITEM,
    "figcaption": BlockKind.CAPTION,
    "caption": BlockKind.CAPTION,
}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


def parse_html(path: Path, name: str) -> ParsedDocument:
    """Raises `EmptyDocumentError`."""
    builder = ParsedDocumentBuilder()
    title = add_html(builder, decode_html(path.read_bytes()))
    return finish(builder, name=name, title=title)


def add_html(builder: ParsedDocumentBuilder, html: str, *, keep_navigation: bool = True) -> str | None:
    """Adds the page's content; returns its `<title>` or first top heading.

    What stands in `<nav>` comes after the content: it may be asked for, but tears no sentence apart.
    """
    tree = LexborHTMLParser(html)
    title = tree.css_first("title") or tree.css_first("h1")
    body = tree.body
    if body is not None:
        before = builder.block_count
        walk = _Walk(builder, skipped_classes=_NAVIGATION_CLASSES)
        _add_body(walk, body)
        if keep_navigation:
            walk.add_navigation()
        if builder.block_count == before:
            # A page that is nothing but navigation is a table of contents, and that is its content.
            _add_body(_Walk(builder, skipped_classes=frozenset()), body)
    return title.text(deep=True) if title is not None else None


def strip_tags(html: str) -> str:
    """The text of a fragment; `<br>` becomes a line end."""
    if html.lower().startswith("<br"):
        return "\n"
    body = LexborHTMLParser(html).body
    return body.text(deep=True) if body is not None else ""


def _add_body(walk: "_Walk", body: LexborNode) -> None:
    try:
        walk.visit(body)
    except RecursionError:
        # Nested deeper than Python can follow: the words matter more than their structure.
        walk.text(body.text(deep=True, separator=" "))
    walk.flush()


class _Walk:
    """Gathers inline text and adds it as a block where an element of block level begins or ends."""

    def __init__(self, builder: ParsedDocumentBuilder, *, skipped_classes: frozenset[str]) -> None:
        self._builder = builder
        self._skipped_classes = skipped_classes
        self._inline: list[str] = []
        self._kind = BlockKind.PARAGRAPH
        self._navigation: dict[str, None] = {}

    def add_navigation(self) -> None:
        """Adds each entry of the navigation once: pages often carry it twice, for wide and narrow screens."""
        self._builder.block(BlockKind.PARAGRAPH, "\n".join(self._navigation))

    def text(self, text: str) -> None:
        self._inline.append(text)

    def flush(self) -> None:
        if self._inline:
            text = _collapse("".join(self._inline))
            self._inline.clear()
            if text:
                self._builder.block(self._kind, text)
                self._kind = BlockKind.PARAGRAPH

    def visit(self, parent: LexborNode) -> None:
        node = parent.child
        while node is not None:
            tag = node.tag
            if tag == "-text":
                self._inline.append(node.text_content or "")
            elif tag == "br":
                self._inline.append("\x0b")
            elif tag == "nav" and self._skipped_classes:
                entries = node.css("a, li") or [node]
                self._navigation.update((words, None) for one in entries if (words := _inner_text(one)))
            elif tag is not None and tag not in _SKIPPED:
                self._element(node, tag)
            node = node.next

    def _element(self, node: LexborNode, tag: str) -> None:
        if tag in _HEADINGS:
            self.flush()
            self._heading(node, _HEADINGS[tag])
        elif tag in _BLOCKS:
            if tag in ("div", "header", "ul", "section") and self._is_navigation(node):
                return
            self.flush()
            self._kind = _KINDS.get(tag, self._kind)
            self.visit(node)
            self.flush()
            self._kind = BlockKind.PARAGRAPH if tag in _KINDS else self._kind
        elif tag == "pre":
            self.flush()
            self._builder.block(BlockKind.CODE, node.text(deep=True).expandtabs())
        elif tag == "table":
            self.flush()
            self._table(node)
        elif not tag.startswith(("-", "_", "!")):
            self.visit(node)

    def _heading(self, node: LexborNode, level: int) -> None:
        """The title of a note or warning heads that box alone, not what follows it."""
        parent = node.parent
        if parent is not None and (parent.tag == "aside" or not _ASIDE_CLASSES.isdisjoint(_classes(parent))):
            self._builder.block(BlockKind.PARAGRAPH, _inner_text(node))
        else:
            self._builder.heading(_inner_text(node), level)

    def _is_navigation(self, node: LexborNode) -> bool:
        if not self._skipped_classes:
            return False
        if node.attributes.get("role") == "navigation":
            return True
        return not self._skipped_classes.isdisjoint(_classes(node))

    def _table(self, table: LexborNode) -> None:
        if table.css_first("table table, h1, h2, h3, pre, ul ul") is not None:
            self.visit(table)
            return
        rows: list[list[str]] = []
        for row in table.css("tr"):
            cells = [cell for cell in row.iter() if cell.tag in ("td", "th")]
            rows.append([_inner_text(cell) for cell in cells])
        if max((len(row) for row in rows), default=0) < 2:
            self.visit(table)
            return
        caption = table.css_first("caption")
        if caption is not None:
            self._builder.block(BlockKind.CAPTION, _inner_text(caption))
        self._builder.table(rows)


def _classes(node: LexborNode) -> list[str]:
    return (node.attributes.get("class") or "").split()


def _inner_text(node: LexborNode) -> str:
    """Words of an element, with a blank where an inner element of block level parts them."""
    parts: list[str] = []
    for inner in node.traverse(include_text=True):
        if inner.tag == "-text":
            parts.append(inner.text_content or "")
        elif inner.tag in _BLOCKS or inner.tag == "br":
            parts.append(" ")
    return " ".join("".join(parts).split())


def _collapse(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\x0b"))
    return "\n".join(lines).strip()
