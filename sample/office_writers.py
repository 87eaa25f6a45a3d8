"""Writes DOCX and XLSX files; the same source gives the same bytes."""

import json
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

from docx import Document
from docx.document import Document as DocumentObject
from docx.enum.table import WD_TABLE_DIRECTION
from docx.oxml.ns import nsdecls
from docx.oxml.parser import parse_xml
from docx.table import Table as WordTable
from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from written_source import Heading, ListItem, PageBreak, Paragraph, Table, WrittenSource

ZIP_TIME = (1980, 1, 1, 0, 0, 0)
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetSource:
    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkbookSource:
    title: str
    date: datetime
    sheets: tuple[SheetSource, ...]


def read_workbook_source(path: Path) -> WorkbookSource:
    """Raises KeyError when a required key is missing."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return WorkbookSource(
        title=content["title"],
        date=datetime.fromisoformat(content["date"]).replace(hour=9, tzinfo=UTC),
        sheets=tuple(
            SheetSource(
                name=sheet["name"],
                columns=tuple(sheet["columns"]),
                rows=tuple(tuple(row) for row in sheet["rows"]),
            )
            for sheet in content["sheets"]
        ),
    )


def write_docx(source: WrittenSource, path: Path) -> None:
    document = Document()
    right_to_left = source.language.startswith("ar")
    if right_to_left:
        _turn_right_to_left(document)
    section = document.sections[0]
    section.header.paragraphs[0].text = source.header
    section.footer.paragraphs[0].text = source.footer
    for part in source.parts:
        match part:
            case Heading():
                document.add_heading(part.text, level=part.level)
            case Paragraph():
                document.add_paragraph(part.text)
            case ListItem():
                style = "List Bullet" if part.number is None else "List Number"
                document.add_paragraph(part.text, style=style)
            case Table():
                _add_table(document, part, right_to_left=right_to_left)
            case PageBreak():
                document.add_page_break()
    _set_properties(document, source)
    stored = BytesIO()
    document.save(stored)
    path.write_bytes(_with_fixed_times(stored.getvalue(), source.date))


def _add_table(document: DocumentObject, table: Table, *, right_to_left: bool) -> None:
    printed: WordTable = document.add_table(rows=0, cols=len(table.rows[0]))
    printed.style = "Table Grid"
    if right_to_left:
        printed.table_direction = WD_TABLE_DIRECTION.RTL
    for position, row in enumerate(table.rows):
        for cell, text in zip(printed.add_row().cells, row, strict=True):
            run = cell.paragraphs[0].add_run(text)
            run.bold = position == 0
    document.add_paragraph()


def _turn_right_to_left(document: DocumentObject) -> None:
    """In the style that all the others are based on; python-docx has no property for it."""
    normal = document.styles["Normal"].element
    for properties in ("<w:pPr {}><w:bidi/></w:pPr>", "<w:rPr {}><w:rtl/></w:rPr>"):
        element = parse_xml(properties.format(nsdecls("w")))
        normal.append(element)  # pyright: ignore[reportUnknownMemberType]  lxml has no types


def _set_properties(document: DocumentObject, source: WrittenSource) -> None:
    properties = document.core_properties
    properties.title = source.title
    properties.author = source.author
    properties.last_modified_by = source.author
    properties.language = source.language
    properties.created = source.date
    properties.modified = source.date
    properties.comments = ""
    properties.revision = 1


def write_xlsx(source: WorkbookSource, path: Path) -> None:
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    for sheet in source.sheets:
        _fill(workbook.create_sheet(sheet.name), sheet)
    workbook.properties.title = source.title
    workbook.properties.creator = "Morvell Instruments"
    workbook.properties.created = source.date.replace(tzinfo=None)
    stored = BytesIO()
    workbook.save(stored)
    path.write_bytes(_with_fixed_times(stored.getvalue(), source.date))


def _fill(worksheet: Worksheet, sheet: SheetSource) -> None:
    worksheet.append(list(sheet.columns))
    for row in sheet.rows:
        worksheet.append([_cell_value(value) for value in row])
    for number, title in enumerate(sheet.columns, start=1):
        worksheet.cell(row=1, column=number).font = Font(bold=True)
        longest = max(len(str(value)) for value in [title, *(row[number - 1] for row in sheet.rows)])
        worksheet.column_dimensions[get_column_letter(number)].width = min(longest + 2, 50)
    worksheet.freeze_panes = "A2"


def _cell_value(value: str | float) -> str | float | date:
    if isinstance(value, str) and ISO_DATE.fullmatch(value):
        return date.fromisoformat(value)
    return value


def _with_fixed_times(archive: bytes, modified: datetime) -> bytes:
    """One time for all entries of the zip, and for the last change, which openpyxl takes from the clock."""
    stamp = modified.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    rewritten = BytesIO()
    with zipfile.ZipFile(BytesIO(archive)) as old, zipfile.ZipFile(rewritten, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, content)
            entry = zipfile.ZipInfo(name, date_time=ZIP_TIME)
            new.writestr(entry, content, compress_type=zipfile.ZIP_DEFLATED)
    return rewritten.getvalue()
