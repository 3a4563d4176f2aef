"""Tasks that write what the database holds into files: export_data."""

from celery_app import app
from lab_home import LAB_FILES
from tasks.shop import shop
from work.flights import exports


@app.task
def export_data(source: str) -> dict:
    """Write the flights of one source into exports/SOURCE.csv among the lab's files.

    The rows stream from the database into the file, so the memory that this takes does not grow
    with their number.  The file appears when it is complete; one of that name stays until then.

    Returns {"file": "exports/north.csv", "rows": int, "size_bytes": int}.
    Raises ValueError for a source that has no flights.
    """
    # Deferred: SQLAlchemy is not loaded before somebody needs it.
    from work.flights import flight_table

    path = exports.file_of(LAB_FILES, source)
    written = exports.write(flight_table.stream(shop(), source), path)
    return {"file": str(path.relative_to(LAB_FILES.resolve())), **written}
