"""Who may ask: pages of this server and people, no page of another origin."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Of what is no page, and has no policy of its own: a figure that is opened alone runs nothing and loads nothing.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; object-src 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-cache",  # a page that was rendered again is seen at the next look
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


MAX_BODY = 256 * 1024  # bytes; a thousand labels take half of it


class BodyLimit:
    """Refuses a body of more than `MAX_BODY` bytes, whatever length it says it has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        body = b""
        more = True
        while more and len(body) <= MAX_BODY:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            told = PlainTextResponse(f"at most {MAX_BODY} bytes", 413, {"Connection": "close"})
            await told(scope, receive, send)
            return
        parts = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def whole() -> Message:
            return next(parts, None) or await receive()

        await self._app(scope, whole, send)


class SameOrigin:
    """Refuses what a browser says that a page of another origin asks for, links that a reader follows aside."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = PlainTextResponse("another origin", 403) if foreign(Headers(scope=scope)) else self._app
        await app(scope, receive, send_with_headers)


def foreign(headers: Headers) -> bool:
    """Whether a browser says that the request is not of a page of this server; a link to one is none of that."""
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{headers.get('host')}":
        return True
    followed = headers.get("sec-fetch-mode") == "navigate"
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not followed
