"""Hosts of every kind, and an address that can be opened."""

import re
import socket
import threading
import urllib.request

import pytest

from t2i.apps.listening import listen
from t2i.errors import InputError
from tests.apps.conftest import Command
from tests.helpers import free_port


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", r"127\.0\.0\.1"), ("127.0.0.2", r"127\.0\.0\.2"), ("localhost", r"(127\.0\.0\.1|\[::1\])"),
        ("LOCALHOST", r"(127\.0\.0\.1|\[::1\])"), ("0.0.0.0", r"127\.0\.0\.1"), ("127.1", r"127\.0\.0\.1"),
        pytest.param("::1", r"\[::1\]", marks=ipv6), pytest.param("[::1]", r"\[::1\]", marks=ipv6),
        pytest.param("::", r"\[::1\]", marks=ipv6), pytest.param("[::]", r"\[::1\]", marks=ipv6),
        pytest.param("0:0:0:0:0:0:0:1", r"\[::1\]", marks=ipv6),
        pytest.param("::ffff:127.0.0.1", r"\[::ffff:127\.0\.0\.1\]", marks=ipv6),
    ],
)  # fmt: skip
def test_the_address_can_be_opened(host: str, address: str) -> None:
    listener, url = listen(host, 0)
    with listener:
        assert re.fullmatch(rf"http://{address}:{listener.getsockname()[1]}/", url)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhere")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=10) as page:
            assert page.read() == b"here"
        thread.join()


@pytest.mark.parametrize(
    "host",
    ["nowhere.invalid", "", "a..b", "x" * 70, "localhost:8000", "http://localhost", "[::1", "[]", "192.0.2.1", "::2"],
)
def test_hosts_of_nobody_are_one_line(host: str) -> None:
    with pytest.raises(InputError) as caught:
        listen(host, 0)
    line = str(caught.value)
    assert re.fullmatch(r"cannot listen on .* port 0 \([^()]+\); choose another \(--host, --port\)", line), line
    assert host in line


@ipv6
def test_a_name_of_several_addresses_is_served_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()

    def places(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::2", port, 0, 0)),  # not of this machine
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", places)
    listener, url = listen("name", port)
    listener.close()
    assert url == f"http://127.0.0.1:{port}/"


def test_a_port_is_taken_before_anyone_is_answered() -> None:
    listener, _ = listen("127.0.0.1", 0)  # as of a demo that still loads its models
    with listener, pytest.raises(InputError, match="Address already in use"):
        listen("127.0.0.1", listener.getsockname()[1])


def test_a_port_that_is_taken_is_said_before_models_are_loaded(t2i: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = t2i("demo", "nowhere.pt", "--port", port)
    line = f"t2i: cannot listen on 127.0.0.1 port {port} (Address already in use); choose another (--host, --port)\n"
    assert (result.exit_code, result.stderr) == (1, line)
