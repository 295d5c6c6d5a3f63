"""From a WSGI environment to a servlet and back: paths, sessions, and what a servlet raises."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from werkzeug.exceptions import NotFound, RequestEntityTooLarge
from werkzeug.test import Client

from server.engine.work_classes import WorkClasses
from server.http.session_key import COOKIE, SessionKeys
from server.http.wsgi import WsgiApplication
from server.servlet import BusyError, HttpRequest, HttpResponse, HttpServlet, InvalidStateError, json_response


class FakeSession:
    def __init__(self, session_id: str) -> None:
        self.id = session_id


class Opener:
    """Opens sessions; knows those it has made."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def open_http_session(self, session_id: str | None, *, create: bool) -> Any:
        if session_id in self.made:
            return FakeSession(cast("str", session_id))
        if not create:
            return None
        self.made.append(f"s{len(self.made)}")
        return FakeSession(self.made[-1])


class Echo(HttpServlet):
    """Raises or answers what the test says."""

    raises: Exception | None = None

    def do_get(self, request: HttpRequest) -> HttpResponse:
        if self.raises is not None:
            raise self.raises
        found = request.existing_session()
        return json_response(200, {"path": request.path_info, "session": None if found is None else found.id})

    def do_post(self, request: HttpRequest) -> HttpResponse:
        assert request.session() is request.session()
        return json_response(200, {"session": request.session().id, "body": request.json_object()})


@pytest.fixture
def servlet() -> Echo:
    return Echo(cast("Any", None))


@pytest.fixture
def keys() -> SessionKeys:
    return SessionKeys(b"secret")


@pytest.fixture
def client(servlet: Echo, keys: SessionKeys) -> Client:
    return Client(WsgiApplication({"/": (servlet, Opener()), "/deep/er": (servlet, Opener())}, keys))


@pytest.mark.parametrize(
    ("path", "below"),
    [("/", "/"), ("/a/b", "/a/b"), ("/deep/er", "/"), ("/deep/er/x", "/x"), ("/deep/err", "/deep/err")],
)
def test_servlet_of_the_longest_path_serves_and_sees_what_lies_below(client: Client, path: str, below: str) -> None:
    assert client.get(path).json == {"path": below, "session": None}


def test_path_that_nobody_serves_is_404(servlet: Echo, keys: SessionKeys) -> None:
    client = Client(WsgiApplication({"/only": (servlet, Opener())}, keys))

    assert client.get("/other").status_code == 404


def test_session_is_begun_with_a_cookie_and_found_by_it(client: Client) -> None:
    began = client.post("/", json={})

    assert began.json == {"session": "s0", "body": {}}
    cookie = began.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=s0.")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    again = client.get("/")
    assert again.json == {"path": "/", "session": "s0"}
    assert "Set-Cookie" not in again.headers


def test_session_in_the_path_is_found_without_a_cookie(client: Client, keys: SessionKeys) -> None:
    client.post("/", json={})
    bare = Client(client.application, use_cookies=False)

    assert bare.get(keys.encode_url("/x", "s0")).json == {"path": "/x", "session": "s0"}


def test_cookie_that_we_did_not_sign_is_no_session(client: Client) -> None:
    client.set_cookie(COOKIE, "s0.forged")

    assert client.get("/").json == {"path": "/", "session": None}


@pytest.mark.parametrize(
    ("raised", "status", "words"),
    [
        (NotFound(), 404, "not found"),
        (RequestEntityTooLarge(), 413, "exceeds the capacity"),
        (BusyError("busy for more than 5 s"), 503, "the call is busy: busy for more than 5 s"),
        (InvalidStateError("sent already"), 409, "sent already"),
        (KeyError("secret"), 500, "the application failed; see the server's log"),
    ],
)
def test_what_a_servlet_raises_becomes_a_response(
    client: Client, servlet: Echo, caplog: pytest.LogCaptureFixture, raised: Exception, status: int, words: str
) -> None:
    servlet.raises = raised

    response = client.get("/")

    assert response.status_code == status
    assert words in response.json["error"]
    assert ("secret" in caplog.text) is (status == 500)
    assert response.headers.get("Retry-After") == ("1" if status == 503 else None)


def test_method_that_is_not_served_is_405_with_those_that_are(client: Client) -> None:
    response = client.delete("/")

    assert (response.status_code, response.headers["Allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"x"', b"\xff", b"[" * 100_000])
def test_body_that_is_no_json_object_is_said_in_words(body: bytes) -> None:
    with HttpRequest.from_values(method="POST", data=body) as request, pytest.raises(ValueError, match="the body"):
        request.json_object()


class Streaming(Echo):
    """Answers a stream that notes when it is closed, and may fail."""

    def __init__(self) -> None:
        super().__init__(cast("Any", None))
        self.closed = 0
        self.inside: list[int] = []
        self.running = lambda: -1

    def do_get(self, request: HttpRequest) -> HttpResponse:
        response = HttpResponse(self.pieces(request.args.get("fails")), mimetype="text/plain")
        response.call_on_close(self.close)
        return response

    do_head = do_get

    def pieces(self, fails: str | None) -> Iterator[str]:
        self.inside.append(self.running())
        yield from ("one ", "", "two")
        if fails is not None:
            raise KeyError(fails)

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(("method", "body"), [("GET", "one two"), ("HEAD", "")])
def test_stream_is_sent_and_closed(keys: SessionKeys, method: str, body: str) -> None:
    servlet = Streaming()

    response = Client(WsgiApplication({"/": (servlet, Opener())}, keys)).open("/", method=method)

    assert (response.status_code, response.text, servlet.closed) == (200, body, 1)


def test_stream_that_fails_is_closed_and_the_failure_goes_on(keys: SessionKeys) -> None:
    servlet = Streaming()

    with pytest.raises(KeyError, match="broken"):
        Client(WsgiApplication({"/": (servlet, Opener())}, keys)).get("/?fails=broken")

    assert servlet.closed == 1


def test_stream_takes_no_room_of_its_application(keys: SessionKeys) -> None:
    servlet, limited = Streaming(), WorkClasses(cast("Any", None), {"application": 1}).of("app")
    servlet.running = lambda: limited.statistics().running
    client = Client(WsgiApplication({"/": (servlet, Opener())}, keys, {"/": limited}))

    assert [client.get("/").status_code for _ in range(2)] == [200, 200]
    assert (servlet.inside, limited.statistics().begun) == ([0, 0], 2)


def test_application_with_too_many_requests_refuses_more_and_says_when_to_come_again(
    servlet: Echo, keys: SessionKeys
) -> None:
    seen: list[Any] = []

    class Busy(Echo):
        def do_get(self, request: HttpRequest) -> HttpResponse:
            seen.append((request.work_class, client.get("/busy"), client.get("/free").status_code))
            return json_response(200, {})

    classes = WorkClasses(cast("Any", None), {"application": 1})
    servlets: Any = {"/busy": (Busy(cast("Any", None)), Opener()), "/free": (servlet, Opener())}
    client = Client(WsgiApplication(servlets, keys, {"/busy": classes.of("slow"), "/free": classes.of("quick")}))

    assert client.get("/busy").status_code == 200
    ((name, refused, other),) = seen
    assert (name, refused.status_code, refused.headers["Retry-After"], other) == ("slow", 503, "1", 200)
    assert classes.statistics()["slow"].refused == 1
