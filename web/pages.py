"""The pages for a person with a browser: what is here, and Swagger UI at /docs.

Everything comes from this machine: the files of Swagger UI lie in the package fastapi_swagger.
"""

from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse

from lab_home import LAB_HOME, noted

router = APIRouter(include_in_schema=False)
SWAGGER_UI = Path(str(files("fastapi_swagger") / "resources"))
FILES = SCRIPT, STYLE, ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"
HOME = Template(Path(__file__).with_name("home.html").read_text(encoding="utf-8"))
LINKS = {
    "/docs": "each call, to read and to try",
    "/openapi.json": "the same for programs",
    "/healthz": "whether the broker takes messages now",
}


@router.get("/")
def what_is_here(request: Request) -> Response:
    """The calls: a page for a browser, and for everybody else a text, a line for each."""
    calls = [
        (method.upper(), path, call["description"].splitlines()[0])
        for path, methods in request.app.openapi()["paths"].items()
        for method, call in methods.items()
    ]
    wants_a_page = "text/html" in request.headers.get("accept", "")
    answer = _page(calls) if wants_a_page else _text(calls)
    answer.headers["Vary"] = "Accept"
    return answer


def _text(calls: list[tuple[str, str, str]]) -> Response:
    lines = [
        "The web API of the Celery learning lab",
        *(f"{method:<6} {path:<24}  {what}" for method, path, what in calls),
        "",
        "/openapi.json describes each call, with examples; lesson 57 uses them: ./lab run 57",
    ]
    return PlainTextResponse("\n".join([*lines, ""]))


def _page(calls: list[tuple[str, str, str]]) -> Response:
    links = [_row(_link(path, path), what) for path, what in LINKS.items()]
    if flower := _flower_url():
        links.append(_row(_link(flower, "Flower"), "workers and tasks, live"))
    rows = [
        _row(f'<code><span class="method">{method}</span> {escape(path)}</code>', what)
        for method, path, what in calls
    ]
    return HTMLResponse(HOME.substitute(links="\n".join(links), calls="\n".join(rows)))


def _row(first: str, what: str) -> str:
    return f"<tr><td>{first}</td><td>{escape(what)}</td></tr>"


def _link(address: str, text: str) -> str:
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def _flower_url() -> str:
    """Where the running lab says that its Flower is; "" without one."""
    url = noted(LAB_HOME / "stack.json").get("flower")
    return url if isinstance(url, str) else ""


@router.get("/docs")
def docs(request: Request) -> Response:
    """Swagger UI, with the description of this app."""
    return get_swagger_ui_html(
        openapi_url=request.app.openapi_url,
        title=f"{request.app.title}: the calls",
        swagger_js_url=f"/docs/{SCRIPT}",
        swagger_css_url=f"/docs/{STYLE}",
        swagger_favicon_url=f"/docs/{ICON}",
    )


@router.get("/docs/{name}")
def swagger_ui(name: str) -> Response:
    """One of the files that its page loads."""
    if name not in FILES:
        raise HTTPException(404, f"there is no page /docs/{name:.40}")
    return FileResponse(SWAGGER_UI / name)
