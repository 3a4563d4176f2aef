"""E-mail: hear what a mail server says, wait where it is busy, and stop where it says no.

Sending an e-mail is a conversation with another program, and takes as long as that program likes.
So it belongs on a queue.  The mail server answers with numbers.  2xx: taken.  4xx: not now; later
may be different.  5xx: no; asking again changes nothing.  A task that retries everything asks a
server that has said no, again and again, until the server no longer listens to it at all.  A task
that retries nothing loses an e-mail whenever the server is busy.

`./lab up` runs a mail server of its own, which keeps every e-mail and sends none on.  It can be
told how to answer the next e-mails for an address.  First the lesson holds a conversation by hand.
Then four e-mails are sent by `send_email`: the server is busy for one, refuses one, and takes one
but hangs up before it has said so.  The fourth has a line break in its subject, to add a header of
its own: that is how a form on a web page is made to send e-mail to anybody (header injection).

The task is in tasks/realworld_tasks/mail.py; work/mail/smtp.py tells one answer from another.

    ./lab run 50        # about 6 s

Watch: http://localhost:5555/tasks shows four send_email, two of them in RETRY for a while.
Afterwards, ./lab mail lists what the server has kept, and ./lab mail 1 shows the newest one.

You should see:

    server: 220 ...
    client: EHLO shop.example.com
    server: 250 localhost
    client: MAIL FROM:<tickets@example.com>
    server: 250 OK
    client: RCPT TO:<hand-...@example.com>
    server: 250 2.1.5 OK
    client: DATA
    server: 354 End data with <CR><LF>.<CR><LF>
    client: ... lines, the first one From: ..., and then a dot alone
    server: 250 2.0.0 OK
    client: QUIT
    server: 221 Bye
    e-mail    the server answered  the task ended       in the mailbox
    by hand   250                  -                    1
    busy      451, 451, 250        SUCCESS              1
    refused   550                  FAILURE MailRefused  0
    lost      drop after, 250      SUCCESS              2
    injected  nothing              FAILURE ValueError   0
    busy: the task waited ..., ... s
    true: 4xx was tried again until the server took it, after 1 s or more, then 2 s or more
    true: whose answer was lost, came twice; both have one Message-ID, made from the task's id

5xx was not tried again.  The line break was refused before anybody connected to the server.

The row `lost` is why nobody can promise that an e-mail comes exactly once.  The server had taken
it, and the sender could not know.  To send it again is the better mistake: a mail program can show
two e-mails with one Message-ID as one.

Try next.  Guess first:
  1. In ANSWERS give `busy` four "451", and set TIMEOUT_S to 60.  How long is each wait?
  2. Give `lost` the answer "drop" in place of "drop after".  How many e-mails are in its mailbox?
  3. In send_email, catch smtp.MailRefused beside smtp.MailBusy.  Which row changes, and how?
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.mailboxes import ROW, Mailbox, send_by_hand
from tasks.realworld_tasks import send_email

TIMEOUT_S = 30  # busy takes about 5 s; the rest is room for a busy machine
ANSWERS = {
    "busy": ["451", "451"],  # and then 250
    "refused": ["550"],
    "lost": ["drop after"],
    "injected": [],
}
SUBJECTS = {"injected": "hello\nBcc: everybody@example.com"}


def main() -> None:
    # By hand first: after each line the client waits for an answer, as long as that takes.
    by_hand = Mailbox("hand")
    send_by_hand(by_hand)

    # Now by task.  .delay() waits for no mail server: a worker has these conversations.
    boxes = {name: Mailbox(name, *answers) for name, answers in ANSWERS.items()}
    results = {
        name: send_email.delay(box.address, SUBJECTS.get(name, "Your ticket"), "Seat 12A.")
        for name, box in boxes.items()
    }

    # The task tells two kinds of error apart.  MailBusy may heal: then it calls self.retry(), and
    # lets go of its slot while it waits.  Every other error ends it at once, and .get() would
    # raise it here; propagate=False leaves it in result.result.
    for result in results.values():
        result.get(timeout=TIMEOUT_S, propagate=False)
    table(
        *("e-mail", *ROW),
        rows=[
            ("by hand", *by_hand.row()),
            *((name, *box.row(results[name])) for name, box in boxes.items()),
        ],
    )
    waits_s = boxes["busy"].waits_s()
    print(f"busy: the task waited {', '.join(f'{wait_s:.1f}' for wait_s in waits_s)} s")
    claim(
        results["busy"].successful() and all(wait_s >= 2**n for n, wait_s in enumerate(waits_s)),
        "4xx was tried again until the server took it, after 1 s or more, then 2 s or more",
    )

    # A retry keeps the task's id.  The Message-ID is made from it, and so is the same both times.
    ids = [email["Message-ID"] for email in boxes["lost"].emails()]
    claim(
        ids == [f"<{results['lost'].id}@example.com>"] * 2,
        "whose answer was lost, came twice; both have one Message-ID, made from the task's id",
    )


if __name__ == "__main__":
    run_lesson(main, queues=["realworld"], extras=["mail"])
