"""An app of its own that signs its messages, and takes signed ones only.  Lesson 39 runs it.

    celery -A signed_shop worker            # in this folder
    python signed_shop.py TL-1 QUEUE        # send a signed message; print the task's id

SIGN_FOLDER/SIGN_NAME.key is the private key of whoever sends, SIGN_NAME.pem the certificate that
belongs to it.  In SIGN_FOLDER/trusted are the certificates of those whose messages are taken.
"""

import os
import sys
from pathlib import Path

from celery import Celery

# region signed
FOLDER, NAME = Path(os.environ["SIGN_FOLDER"]), os.environ["SIGN_NAME"]

app = Celery("signed_shop", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.update(
    task_serializer="auth",  # sign what is sent
    accept_content=["auth"],  # take nothing else
    result_accept_content=["json"],  # results are not signed here
    security_key=str(FOLDER / f"{NAME}.key"),
    security_certificate=str(FOLDER / f"{NAME}.pem"),
    security_cert_store=str(FOLDER / "trusted" / "*.pem"),
)
app.setup_security()
# endregion


@app.task(name="signed.charge")
def charge(order: str) -> str:
    """Charge the card of an order, or rather say so: charge("TL-1") -> "charged TL-1"."""
    return f"charged {order}"


@app.task(name="signed.refund")
def refund(order: str) -> str:
    """Pay the money back, or rather say so: refund("TL-1") -> "refunded TL-1"."""
    return f"refunded {order}"


if __name__ == "__main__":
    _, order, queue = sys.argv
    print(charge.apply_async((order,), queue=queue).id)
