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
    e-mail    the server answered      the task ended         in the mailbox
    by hand   250                      -                      1
    busy      451, 451, 250            SUCCESS                1
    refused   550                      FAILURE MailRefused    0
    lost      drop after, 250          SUCCESS                2
    injected  nothing                  FAILURE ValueError     0
    busy: the task waited ..., ... s
    true: 4xx was tried again until the server took it, after 1 s or more, then 2 s or more
    true: 5xx was not tried again
    true: whose answer was lost, came twice; both have one Message-ID, made from the task's id
    true: the line break was refused before anybody connected to the server

The row `lost` is why nobody can promise that an e-mail comes exactly once.  The server had taken
it, and the sender could not know.  To send it again is the better mistake: a mail program can show
two e-mails with one Message-ID as one.

Try next.  Guess first:
  1. Let the server answer "451" four times, and set TIMEOUT_S to 60.  How long is each wait?
  2. Let it answer "drop" instead of "drop after".  How many e-mails are in that mailbox?
  3. In send_email, catch smtp.MailRefused beside smtp.MailBusy.  Which sentence does not come true
     any more?
"""

import secrets
import smtplib
from itertools import pairwise

from lab_home import LAB_FILES, choose_smtp_url
from labkit.lesson import claim, run_lesson
from tasks.realworld_tasks import send_email
from work.mail.emails import compose
from work.mail.mail_answers import given_answers, set_answers
from work.mail.mailbox import emails, read_email
from work.mail.smtp import server_of

TIMEOUT_S = 30  # busy takes about 5 s; the rest is room for a busy machine
MAILBOXES = LAB_FILES / "mail"
RUN = secrets.token_hex(4)  # addresses of this run alone: what they were told disturbs nobody
ANSWERS = {
    "by hand": ["250"],
    "busy": ["451", "451"],  # and then 250
    "refused": ["550"],
    "lost": ["drop after"],
    "injected": [],
}
SUBJECTS = {"injected": "hello\nBcc: everybody@example.com"}


def main() -> None:
    for name, answers in ANSWERS.items():
        set_answers(MAILBOXES, address(name), answers)
    talk(address("by hand"))
    results = {
        name: send_email.delay(address(name), SUBJECTS.get(name, "Your ticket"), "Seat 12A.")
        for name in ANSWERS
        if name != "by hand"
    }
    ended = {"by hand": "-"}
    for name, result in results.items():
        error = result.get(timeout=TIMEOUT_S, propagate=False)
        ended[name] = f"FAILURE {type(error).__name__}" if result.failed() else result.state

    given = {name: given_answers(MAILBOXES, address(name)) for name in ANSWERS}
    kept = {name: emails(MAILBOXES, address(name)) for name in ANSWERS}
    print("e-mail    the server answered      the task ended         in the mailbox")
    for name in ANSWERS:
        said = ", ".join(one.answer for one in given[name]) or "nothing"
        print(f"{name:<10}{said:<25}{ended[name]:<23}{len(kept[name])}")
    waits_s = [later.time - earlier.time for earlier, later in pairwise(given["busy"])]
    print(f"busy: the task waited {', '.join(f'{wait_s:.1f}' for wait_s in waits_s)} s")

    claim(
        len(kept["busy"]) == 1 and all(wait_s >= 2**n for n, wait_s in enumerate(waits_s)),
        "4xx was tried again until the server took it, after 1 s or more, then 2 s or more",
    )
    claim(len(given["refused"]) == 1 and not kept["refused"], "5xx was not tried again")
    ids = [read_email(file)["Message-ID"] for file in kept["lost"]]
    claim(
        ids == [f"<{results['lost'].id}@example.com>"] * 2,
        "whose answer was lost, came twice; both have one Message-ID, made from the task's id",
    )
    claim(
        not given["injected"],
        "the line break was refused before anybody connected to the server",
    )


def talk(to_email: str) -> None:
    """Send one e-mail by hand, and print every line of the conversation."""
    content = compose(to_email, "Your ticket", "Seat 12A.").as_bytes()
    client = smtplib.SMTP(timeout=TIMEOUT_S)
    print_answer(client.connect(*server_of(choose_smtp_url())))
    for line in (
        "EHLO shop.example.com",
        "MAIL FROM:<tickets@example.com>",
        f"RCPT TO:<{to_email}>",
        "DATA",
    ):
        print(f"client: {line}")
        print_answer(client.docmd(line))
    first, *others = content.decode().splitlines()
    print(f"client: {1 + len(others)} lines, the first one {first}, and then a dot alone")
    client.send(content + b".\r\n")
    print_answer(client.getreply())
    print("client: QUIT")
    print_answer(client.quit())


def print_answer(answer: tuple[int, bytes]) -> None:
    """The number and the first line; EHLO is answered with a list of what the server can do."""
    code, text = answer
    print(f"server: {code} {text.decode().splitlines()[0]}")


def address(name: str) -> str:
    return f"{name.replace('by ', '')}-{RUN}@example.com"


if __name__ == "__main__":
    run_lesson(main, queues=["realworld"], extras=["mail"])
