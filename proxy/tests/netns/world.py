"""The world outside of the pod: servers that take anything, and a listener that sees every frame.

Writes one JSON line for each frame that comes from the pod (`frame`) and each thing that a server
was told (`heard`). `ready` comes first.
"""

import json
import socket
import struct
import sys
import threading
import time

TCP_PORTS = [22, 25, 53, 80, 443, 4444, 5432, 8080, 8443, 9999, 47619]
UDP_PORTS = [53, 443, 4444, 5353, 15053, 47619]
SINK = 9999
UPSTREAM = "10.99.0.1"
OUTGOING = 4  # PACKET_OUTGOING
out = open(sys.argv[1], "w", buffering=1)
lock = threading.Lock()


def tell(**line):
    with lock:
        out.write(json.dumps(line) + "\n")


def frames(sniffer):
    while True:
        frame, where = sniffer.recvfrom(65535)
        if where[2] != OUTGOING:
            tell(frame=summary(frame))


def summary(frame):
    kind = struct.unpack("!H", frame[12:14])[0]
    if kind == 0x0806 and len(frame) >= 42:
        return f"arp {socket.inet_ntoa(frame[38:42])}"
    if kind == 0x0800:
        packet = frame[14:]
        head = (packet[0] & 15) * 4
        return ip(packet[9], socket.inet_ntoa(packet[16:20]), packet[head:])
    if kind == 0x86DD:
        packet = frame[14:]
        protocol, rest = packet[6], packet[40:]
        if protocol == 0 and len(rest) >= 8:  # hop-by-hop options, before MLD
            protocol, rest = rest[0], rest[(rest[1] + 1) * 8 :]
        return ip(protocol, socket.inet_ntop(socket.AF_INET6, packet[24:40]), rest)
    return f"ethertype {kind:04x}"


def ip(protocol, to, rest):
    names = {6: "tcp", 17: "udp"}
    if protocol in names and len(rest) >= 4:
        return f"{names[protocol]} {to} {struct.unpack('!H', rest[2:4])[0]}"
    if protocol == 58 and rest and rest[0] in (135, 136) and len(rest) >= 24:
        return f"neighbour {socket.inet_ntop(socket.AF_INET6, rest[8:24])}"
    if protocol in (1, 58) and rest:
        return f"{'icmp' if protocol == 1 else 'icmpv6'} {to} {rest[0]}"
    return f"protocol {protocol} {to}"


def serve_tcp(listener, port):
    while True:
        stream, _ = listener.accept()
        threading.Thread(target=converse, args=(stream, port), daemon=True).start()


def converse(stream, port):
    stream.settimeout(10)
    try:
        if port == SINK:
            time.sleep(1)  # so that much is still to be sent when the other side closes
            taken = 0
            while piece := stream.recv(65535):
                taken += len(piece)
            tell(heard=f"tcp {port}", said=f"{taken} bytes and the end")
            return
        if port not in (80, 443, 8080):
            stream.sendall(b"220 the world\r\n")
        said = stream.recv(65535)
        tell(heard=f"tcp {port}", said=said.decode("latin-1"))
        if said.startswith((b"GET", b"PUT", b"POST")):
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nworld")
    except OSError as error:
        tell(heard=f"tcp {port}", said=f"{error}")
    finally:
        stream.close()


def serve_udp(server, port):
    while True:
        said, who = server.recvfrom(65535)
        tell(heard=f"udp {port}", said=said.decode("latin-1"))
        server.sendto(name_server(said) if port == 53 else b"the world hears", who)


def name_server(question):
    """Every name is the upstream's (RFC 1035)."""
    try:
        end = question.index(0, 12) + 5
        kind = struct.unpack("!H", question[end - 4 : end - 2])[0]
        answers = 1 if kind == 1 else 0
        head = question[:2] + struct.pack("!HHHHH", 0x8180, 1, answers, 0, 0)
        answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 30, 4) + socket.inet_aton(UPSTREAM)
        return head + question[12:end] + answer * answers
    except (ValueError, struct.error):
        return b"what"


def main():
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sniffer.bind(("eth0", 0))
    threading.Thread(target=frames, args=(sniffer,), daemon=True).start()
    for port in TCP_PORTS:
        listener = socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, reuse_port=True
        )
        threading.Thread(target=serve_tcp, args=(listener, port), daemon=True).start()
    for port in UDP_PORTS:
        # One for each family: an answer must come from the address that was asked.
        for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            server = socket.socket(family, socket.SOCK_DGRAM)
            if family == socket.AF_INET6:
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            server.bind((any_address, port))
            threading.Thread(target=serve_udp, args=(server, port), daemon=True).start()
    tell(ready=True)
    threading.Event().wait()


main()
