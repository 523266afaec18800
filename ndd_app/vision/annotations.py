"""What people say belongs together, as CSV files: file,group or query,match."""

import csv
from pathlib import Path

from ndd_app.exceptions import WrongAnnotation


def read_rows(file: Path, key: str, value: str) -> list[tuple[str, str]]:
    """The two named columns; raises WrongAnnotation where one lacks, or a cell of it."""
    columns = f"{key},{value}"
    try:
        with open(file, newline="", encoding="utf-8-sig") as table:
            reader = csv.DictReader(table)
            named = reader.fieldnames or []
            if not {key, value} <= {*named}:
                found = f"its first row has {', '.join(named)}" if named else "it is empty"
                raise WrongAnnotation(file=file, columns=columns, detail=found)
            rows = [(row[key], row[value]) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WrongAnnotation(file=file, columns=columns, detail=str(error)) from error
    if incomplete := sum(not all(row) for row in rows):
        raise WrongAnnotation(
            file=file, columns=columns, detail=f"a cell is missing in {incomplete} of its {len(rows)} rows"
        )
    return rows
