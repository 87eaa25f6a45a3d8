"""Makes the PDF, DOCX and XLSX files of the sample collection from `sample/sources`.

Run from anywhere: `python sample/make_binary_files.py [--out FOLDER]`. A second run gives the same bytes.
"""

import argparse
from pathlib import Path

from office_writers import read_workbook_source, write_docx, write_xlsx
from pdf_writer import write_pdf
from written_source import read_source

HERE = Path(__file__).resolve().parent


def make_all(out: Path) -> list[Path]:
    """Writes every binary document under `out`, in the folders of its source, and returns the paths."""
    written: list[Path] = []
    for source in sorted((HERE / "sources").glob("*/*")):
        target = out / source.parent.name / source.name.removesuffix(source.suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        match target.suffix:
            case ".pdf":
                write_pdf(read_source(source), target)
            case ".docx":
                write_docx(read_source(source), target)
            case ".xlsx":
                write_xlsx(read_workbook_source(source), target)
            case other:
                raise ValueError(f"{source}: no writer for {other!r}")
        written.append(target)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "documents", help="default: sample/documents")
    for path in make_all(parser.parse_args().out):
        print(path)


if __name__ == "__main__":
    main()
