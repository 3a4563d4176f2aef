"""Tasks that bring a large CSV file into the database: import_data and its two helpers."""

from dataclasses import asdict
from typing import Any

from celery import chord

from celery_app import app
from lab_home import LAB_FILES
from tasks.shop import shop
from work.database.database_errors import DatabaseBusy
from work.flights import flight_file, import_reports, sample_flights

CHUNK_ROWS = 2500  # about 0.1 s of work and 5 MB of memory, and a message for each is not too many


@app.task(bind=True)
def import_data(self: Any, csv_path: str) -> Any:
    """Import a CSV file of flights, in chunks that several processes work on at the same time.

    csv_path: a .csv file among the lab's files; its name without .csv is the flights' source.
        Where it is missing, a sample of 1000 flights is written.
    A flight that is there already is updated: importing a file twice changes nothing.
    Meanwhile the task's state is PROGRESS, with {"done": int, "total": int} chunks.

    Returns {"rows": int, "written": int, "bad_rows": int, "bad_rows_file": str, "processes": int}.
    Raises ValueError, before anything is written, for a path that leads outside, and for a file
    that is no CSV file of flights.  A row whose values cannot be is left out and reported.
    If a chunk fails for good, so does the import, with ChordError; import the file again then.
    """
    sample_flights.make_missing(LAB_FILES, csv_path)
    path = flight_file.source_file(LAB_FILES, csv_path)
    chunks = flight_file.chunks_of(path, CHUNK_ROWS)
    # A chunk's message says which rows are meant; the rows themselves stay in the file.
    parts = [
        import_chunk.s(csv_path, asdict(chunk), len(chunks), self.request.id) for chunk in chunks
    ]
    end = finish_import.si(csv_path, self.request.id)
    # The chord takes this task's place and its id: its result is the result of the import.
    return self.replace(chord(parts, end) if parts else end)


@app.task(
    acks_late=True,  # a chunk whose worker dies comes back; doing it twice is harmless
    autoretry_for=(DatabaseBusy,),
    max_retries=5,
    retry_backoff=1,  # wait up to 1 s, then 2 s, 4 s, 8 s, 16 s
    retry_jitter=True,
)
def import_chunk(csv_path: str, chunk: dict, chunks: int, import_id: str) -> None:
    """Import one chunk of a file.  Raises DatabaseBusy if it was busy at the last attempt, too."""
    from work.flights import imports  # deferred: SQLAlchemy is not loaded before somebody needs it

    done = imports.import_chunk(
        shop,
        flight_file.source_file(LAB_FILES, csv_path),
        flight_file.Chunk(**chunk),
        import_reports.folder_of(LAB_FILES, import_id),
    )
    request = import_chunk.request
    if not (request.is_eager or request.called_directly):
        # region progress
        progress = {"done": done, "total": chunks}
        import_data.update_state(task_id=import_id, state="PROGRESS", meta=progress)
        # endregion


@app.task
def finish_import(csv_path: str, import_id: str) -> dict:
    """Join the reports of all chunks; import_data says what that returns."""
    source = flight_file.source_file(LAB_FILES, csv_path).stem
    return import_reports.finish(LAB_FILES, import_id, source)
