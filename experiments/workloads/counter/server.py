"""Counts in memory ten times a second and answers how far it has come.

GET (any path)  ->  {"identity": "<of this start>", "count": <number>}
Every count is also appended to a file as "<identity> <count>", so that a restart, a repeat and a roll-back can each be
told apart, in memory and on disk.

One thread and one epoll loop: it keeps up with hundreds of new connections a second, on fresh and on kept connections,
and everything it holds is something that CRIU can save. Written for python3-minimal.
"""

import os
import select
import signal
import socket

PORT = int(os.environ.get("PORT", "8080"))
LOG = os.environ.get("LOG", "/var/lib/counter/log")
LONGEST_REQUEST = 16384

identity = os.urandom(8).hex()
count = 0
ticking = False


def tick(_signal, _frame):
    global count, ticking
    if ticking:  # on a slow machine the next tick comes in the middle of one: it would write the same line
        return
    ticking = True
    count += 1
    os.write(log, b"%s %d\n" % (identity.encode(), count))
    ticking = False


def stop(_signal, _frame):
    os._exit(0)


def answer(head):
    """The response to one request, and whether the connection is kept."""
    lines = head.decode("latin-1").lower().split("\r\n")
    words = lines[0].split(" ")
    options = [line.partition(":")[2] for line in lines[1:] if line.startswith("connection:")]
    kept = words[-1] == "http/1.1" and not any("close" in option for option in options)
    status = "200 OK" if words[0] in ("get", "head") else "405 Method Not Allowed"
    if status != "200 OK":
        kept = False  # a body may follow that we do not read
    body = '{"identity": "%s", "count": %d}\n' % (identity, count)
    response = (
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n%s"
        % (status, len(body), "keep-alive" if kept else "close", "" if words[0] == "head" else body)
    )
    return response.encode(), kept


def receive(connection, buffered):
    """Answers every request that is complete; None when the connection is over."""
    data = connection.recv(65536)
    if not data:
        return None
    buffered += data
    while b"\r\n\r\n" in buffered:
        head, _, buffered = buffered.partition(b"\r\n\r\n")
        response, kept = answer(head)
        # An answer fits into any send buffer; a client that never reads loses its connection.
        if connection.send(response) != len(response) or not kept:
            return None
    return buffered if len(buffered) <= LONGEST_REQUEST else None


def accept(listener):
    """Takes one connection and looks at it at once: after a pause the first answer does not wait for all who queue."""
    try:
        connection, _ = listener.accept()
    except OSError:  # it was gone before we came to it, or there are too many
        return
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connections[connection.fileno()] = (connection, b"")
    poll.register(connection, select.EPOLLIN)
    serve(connection.fileno())


def serve(number):
    """Answers what has come on a connection, and forgets it when it is over."""
    connection, buffered = connections[number]
    try:
        buffered = receive(connection, buffered)
    except BlockingIOError:
        return
    except OSError:  # reset by the client
        buffered = None
    if buffered is None:
        del connections[number]
        poll.unregister(number)
        connection.close()
    else:
        connections[number] = (connection, buffered)


os.makedirs(os.path.dirname(LOG), exist_ok=True)
log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", PORT))
listener.listen(1024)
listener.setblocking(False)
poll = select.epoll()
poll.register(listener, select.EPOLLIN)
connections = {}

# PID 1 gets no default action: without a handler it would wait for the engine's SIGKILL.
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGALRM, tick)
# A timer signal and not a sleep until a point in time: the monotonic clock of the next host may show another time.
signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)

while True:
    for number, _ in poll.poll():
        if number == listener.fileno():
            accept(listener)
        elif number in connections:
            serve(number)
