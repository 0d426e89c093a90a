"""Keeps files on a volume: commits a new one ten times a second, and answers how many there are.

GET (any path)                 ->  {"identity": "<of this start>", "count": <files committed>}
POST /fill?bytes=N&seed=N      ->  200 when so many bytes are there: half in small files, half in a few large ones

A file is committed when it and its line in the manifest ("<sha256>  <name>", as sha256sum writes it) are on the disk. Files are
never changed afterwards. Whatever was committed has to be there after a move or a restart, and counting goes on behind it.

The main thread answers from one epoll loop, another writes; both wait for file descriptors and never until a point in time: the
monotonic clock of the next host may show another time. Written for python3-minimal.
"""

import hashlib
import os
import select
import signal
import socket
import threading

PORT = int(os.environ.get("PORT", "8080"))
ROOT = os.environ.get("ROOT", "/data")
MANIFEST = os.path.join(ROOT, "manifest")
SMALLEST, LARGEST = 4096, 65536
LARGE_FILES = 4
PIECE = 1 << 20
FILES_IN_A_FOLDER = 1000
LONGEST_REQUEST = 16384

identity = os.urandom(8).hex()
committing = threading.Lock()
count = 0


def write_file(name, size):
    """Makes a file that nothing can compress; the line for the manifest. It is not on the disk yet."""
    path = os.path.join(ROOT, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    digest = hashlib.sha256()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    while size > 0:
        piece = os.urandom(min(PIECE, size))
        digest.update(piece)
        os.write(file, piece)
        size -= len(piece)
    return file, b"%s  %s\n" % (digest.hexdigest().encode(), name.encode())


def commit(lines):
    """Adds lines to the manifest; from here on their files are committed."""
    global count
    os.write(manifest, b"".join(lines))
    os.fsync(manifest)
    count += len(lines)


def size_of(number):
    """Sizes are spread evenly, and the same after a restart."""
    return SMALLEST + number * 2654435761 % (LARGEST - SMALLEST + 1)


def write_on():
    """Commits a file for every tick."""
    while os.read(ticks, 1):
        with committing:
            number = count
            file, line = write_file("written/%d/%d" % (number // FILES_IN_A_FOLDER, number), size_of(number))
            os.fsync(file)
            os.close(file)
            commit([line])


def fill(size):
    with committing:
        lines = []
        for number in range(LARGE_FILES):
            file, line = write_file("large/%d" % number, size // 2 // LARGE_FILES)
            os.fsync(file)
            os.close(file)
            lines.append(line)
        left, number = size - size // 2, 0
        while left > 0:
            file, line = write_file("small/%d/%d" % (number // FILES_IN_A_FOLDER, number), min(left, size_of(number)))
            os.close(file)
            lines.append(line)
            left -= size_of(number)
            number += 1
        os.sync()
        commit(lines)


def tick(_signal, _frame):
    try:
        os.write(ticker, b".")
    except BlockingIOError:  # the disk does not keep up: it has enough to do
        pass


def stop(_signal, _frame):
    os._exit(0)


def answer(head):
    """The response to one request, and whether the connection is kept."""
    lines = head.decode("latin-1").lower().split("\r\n")
    words = lines[0].split(" ")
    options = [line.partition(":")[2] for line in lines[1:] if line.startswith("connection:")]
    kept = words[-1] == "http/1.1" and not any("close" in option for option in options)
    status = "200 OK"
    if words[0] == "post" and words[1].startswith("/fill?"):
        settings = dict(pair.split("=") for pair in words[1].partition("?")[2].split("&"))
        fill(int(settings["bytes"]))
    elif words[0] not in ("get", "head"):
        status, kept = "405 Method Not Allowed", False  # a body may follow that we do not read
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
    except (OSError, KeyError, ValueError):  # reset by the client, or no request of ours
        buffered = None
    if buffered is None:
        del connections[number]
        poll.unregister(number)
        connection.close()
    else:
        connections[number] = (connection, buffered)


# A line that was being written when all ended was not committed.
manifest = os.open(MANIFEST, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
known = b""
while True:
    piece = os.read(manifest, PIECE)
    if not piece:
        break
    known += piece
os.ftruncate(manifest, known.rfind(b"\n") + 1)
count = known.count(b"\n")
del known

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", PORT))
listener.listen(1024)
listener.setblocking(False)
poll = select.epoll()
poll.register(listener, select.EPOLLIN)
connections = {}

ticks, ticker = os.pipe()
os.set_blocking(ticker, False)
threading.Thread(target=write_on, daemon=True).start()
# PID 1 gets no default action: without a handler it would wait for the engine's SIGKILL.
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGALRM, tick)
signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)

while True:
    for number, _ in poll.poll():
        if number == listener.fileno():
            accept(listener)
        elif number in connections:
            serve(number)
