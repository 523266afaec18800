from django.db import migrations

LONG_TEXTS = ("description", "rights", "source", "notes")
AT_ONCE = 1000
"""Rows: no lock is held for long."""


def end_lines_alike(apps, schema_editor):
    """Turn CRLF and CR into LF, as forms and adapters now do, in texts and in what copies keep of them."""
    texts = ", ".join(f"{name} = {_turned(name)}" for name in LONG_TEXTS)
    _update(schema_editor, "ndd_app_photo", texts, " OR ".join(_is_to_turn(name) for name in LONG_TEXTS))
    for name in LONG_TEXTS:
        # Where a host has records of its own the photo's column is empty: copies into these stay as the host's texts do.
        own = f"EXISTS (SELECT FROM ndd_app_photo WHERE id = target_id AND {name} <> '')"
        for kept in ("before", "after"):
            text = f"({kept} #>> '{{}}')"
            of_field = f"field = '{name}' AND jsonb_typeof({kept}) = 'string' AND {_is_to_turn(text)} AND {own}"
            _update(schema_editor, "ndd_app_metadatacopy", f"{kept} = to_jsonb({_turned(text)})", of_field)


def _turned(text):
    return f"regexp_replace({text}, E'\\r\\n?', E'\\n', 'g')"


def _is_to_turn(text):
    return f"strpos({text}, E'\\r') > 0"


def _update(schema_editor, table, values, condition):
    """What was turned is found no more, so that it also goes on where it was stopped."""
    some = f"SELECT id FROM {table} WHERE {condition} LIMIT {AT_ONCE}"
    turn = f"UPDATE {table} SET {values} WHERE id IN ({some})"
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(turn)
        while cursor.rowcount:
            cursor.execute(turn)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ("ndd_app", "0007_chances_of_all_pairs"),
    ]

    operations = [migrations.RunPython(end_lines_alike, migrations.RunPython.noop)]
