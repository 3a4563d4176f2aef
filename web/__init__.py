"""The lab's web part: a FastAPI app that hands slow work to Celery and answers at once.

    POST   /send_email            an e-mail goes onto the queue; the answer is its task's id
    GET    /tasks/{id}            state, progress, result or error
    GET    /tasks/{id}/events     the same as server-sent events, until the task has ended
    DELETE /tasks/{id}            revoke it
    POST   /orders                order tickets
    GET    /orders/{id}           how far an order is
    GET    /healthz               whether the broker takes messages now
    GET    /docs                  Swagger UI: the calls, to read and to try in a browser

`./lab up` starts it at http://localhost:8000.  By hand:

    uvicorn web.api:app --port 8000 --timeout-graceful-shutdown 2

(An open event stream would keep uvicorn from stopping for a long time; hence the 2 s.)
"""
