"""Where ``t2i demo`` listens, and the address to open."""

import ipaddress
import socket

from t2i.errors import InputError


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """Listen on the first address of a host that allows it.

    Args:
        host: a name or an address, of IPv6 with or without brackets; 0.0.0.0 and :: are all addresses of the machine.
        port: 0 is any free one.

    Returns:
        The socket, which listens, and a URL that a browser on this machine can open.

    Raises:
        InputError: the host is none of this machine's, or the port is taken or not allowed.
    """
    name = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    problem: Exception | None = None
    try:
        places = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:  # unknown, or no name at all
        places, problem = [], error
    for family, kind, protocol, _, address in places:
        listener = None
        try:
            listener = socket.socket(family, kind, protocol)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()  # else another program may bind the port, too, while models are loaded
        except OSError as error:
            problem = problem or error
            if listener is not None:
                listener.close()
        else:
            return listener, _url(listener)
    reason = getattr(problem, "strerror", None) or "no name of a machine"
    raise InputError(f"cannot listen on {host} port {port} ({reason}); choose another (--host, --port)") from problem


def _url(listener: socket.socket) -> str:
    """The bound address and no name: a name may have other addresses, where another program listens."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:  # a place to listen on, and none to call
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://{host}:{port}/" if address.version == 4 else f"http://[{host.replace('%', '%25')}]:{port}/"
