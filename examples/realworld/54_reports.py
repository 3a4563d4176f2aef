"""Reports: draw a PDF in one task, send it in the next, and never draw it again to send it again.

A report is work, and sending it is waiting for somebody else's program.  Both in one task would
mean: whenever the mail server is busy, the whole task is retried, and the report is made again.  So
these are two tasks in a chain.  Each one is retried, or fails, for itself.

What the first one returns travels to the second one in a message.  A message is no place for a
file: every worker that reads it, the broker and the result backend would carry it around.  So the
task returns where the file is.  (Workers on several machines need a place that all of them reach,
such as a shared folder or an object store.)

The report of the timetable goes to the director; the mail server is busy at first.  The second
address is one that the server refuses.  Nothing is lost by that: the report is there, and is sent
once more, to an address that exists.

The tasks are in tasks/realworld_tasks/reports.py; work/flights/reports.py draws, with reportlab.

    ./lab run 54        # about 3 s

Watch: http://localhost:5555/tasks shows one generate_report and three send_report, one of them in
RETRY for a while.  Then open the report: its path is in the first line, below .lab/files/.

You should see:

    generate_report: reports/source-....pdf, 12 flights, 2596 seats, ... bytes
    between the two tasks travel ... bytes
    send_report to  the server answered  the task ended       in the mailbox
    director        451, 250             SUCCESS              1
    nobody          550                  FAILURE MailRefused  0
    office          250                  SUCCESS              1
    true: the attachment is the report, byte for byte
    true: the report was drawn once, though the mail server was asked 4 times

Try next.  Guess first:
  1. In the chain, ask for the report of "north".  Which of the numbers change?
  2. Ask for the report of "west", which is no timetable.  Which task fails, and what becomes of the
     other one?
  3. In send_report, write raise busy instead of raise self.retry(...).  Who gets the report now?
     Does anything have to be drawn again?
"""

import json

from celery import chain

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson, table
from labkit.lesson.mailboxes import ROW, Mailbox
from tasks.realworld_tasks import generate_report, send_report

TIMEOUT_S = 30  # everything takes about 2 s; the rest is room for a busy machine
ANSWERS = {"director": ["451"], "nobody": ["550"], "office": []}


def main() -> None:
    boxes = {name: Mailbox(name, *answers) for name, answers in ANSWERS.items()}

    # send_report gets what generate_report returns as its first argument, and the address after it.
    # region chain
    workflow = chain(generate_report.s("source"), send_report.s(boxes["director"].address))
    results = {"director": workflow.delay()}
    # endregion

    # .delay() of a chain gives the result of its last task; .parent is the one before it.
    report = results["director"].parent.get(timeout=TIMEOUT_S)
    figures = f"{report['flights']} flights, {report['seats']} seats, {report['size_bytes']} bytes"
    print(f"generate_report: {report['file']}, {figures}")
    print(f"between the two tasks travel {len(json.dumps(report))} bytes")
    file = LAB_FILES / report["file"]
    drawn = file.stat()

    # The report is there, whatever becomes of an e-mail.  Sending it needs no chain any more.
    for name in ("nobody", "office"):
        results[name] = send_report.delay(report, boxes[name].address)
    for result in results.values():
        result.get(timeout=TIMEOUT_S, propagate=False)
    rows = [(name, *boxes[name].row(result)) for name, result in results.items()]
    table("send_report to", *ROW, rows=rows)

    # Only the path has travelled, and the content is the same.
    attached = boxes["director"].attachments()
    claim(attached == [file.read_bytes()], "the attachment is the report, byte for byte")

    # A file that is written again gets another number on the disk, and another time.
    times = sum(len(box.answers()) for box in boxes.values())
    still = file.stat()
    claim(
        (still.st_ino, still.st_mtime_ns) == (drawn.st_ino, drawn.st_mtime_ns),
        f"the report was drawn once, though the mail server was asked {times} times",
    )


if __name__ == "__main__":
    run_lesson(main, queues=["realworld"], extras=["mail"])
