"""As much of Docker's API as testcontainers asks for, with a process in place of each container.

    docker.py CFSTORE COMMAND..

It runs COMMAND with DOCKER_HOST set to itself. Whatever the image, a container is the program CFSTORE with the
container's command and environment in a folder of its own, and the port that the command listens at is a free one of
this machine. What a real container adds is not tried so: the image, its user and its network.
"""

import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

VERSION = "1.44"
PORT = 9710
STREAMS = {"stdout": 1, "stderr": 2}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Container:
    def __init__(self, name, wanted):
        self.id = os.urandom(32).hex()
        self.name = name or f"container-{self.id[:12]}"
        self.wanted = wanted
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        self.process = None

    def log(self, stream):
        return os.path.join(self.folder.name, stream)

    def start(self, program):
        command = [word.replace(f"0.0.0.0:{PORT}", f"127.0.0.1:{self.port}") for word in self.wanted["Cmd"]]
        environment = dict(variable.split("=", 1) for variable in self.wanted.get("Env") or [])
        data = os.path.join(self.folder.name, "data")
        os.mkdir(data)
        with open(self.log("stdout"), "wb") as stdout, open(self.log("stderr"), "wb") as stderr:
            self.process = subprocess.Popen(
                [program, *command], cwd=data, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
            )

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        if self.running:
            self.process.terminate()
            self.process.wait(10)

    def inspect(self):
        status = "created" if self.process is None else "running" if self.running else "exited"
        published = f"{PORT}/tcp" in (self.wanted.get("ExposedPorts") or {})
        ports = {f"{PORT}/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(self.port)}]} if published else {}
        started = "2026-01-01T00:00:00Z"
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Created": started,
            "State": {
                "Status": status, "Running": self.running, "Paused": False, "Restarting": False, "OOMKilled": False, "Dead": False,
                "Pid": self.process.pid if self.running else 0, "ExitCode": 0 if self.process is None else self.process.poll() or 0,
                "Error": "", "StartedAt": started, "FinishedAt": "0001-01-01T00:00:00Z",
            },
            "Image": self.wanted["Image"],
            "Config": {"Hostname": self.id[:12], "Tty": False, "Labels": self.wanted.get("Labels") or {}, "Image": self.wanted["Image"]},
            "HostConfig": {"PortBindings": {}, "NetworkMode": "bridge"},
            "NetworkSettings": {"Ports": ports, "Networks": {"bridge": {"IPAddress": "127.0.0.1", "Gateway": "127.0.0.1"}}},
        }


class Docker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    containers = {}
    program = None

    def log_message(self, *_):
        pass

    def do_any(self):
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        path = re.sub(r"^/v[0-9.]+/", "/", url.path)
        body = self.read_body()
        found = re.fullmatch(r"/containers/([^/]+?)(?:/(json|logs|start|stop|kill|wait))?", path)
        container = found and self.find(found[1])
        match (self.command, path):
            case ("GET" | "HEAD", "/_ping"):
                self.answer(200, b"OK")
            case ("GET", "/version"):
                self.json(200, {"Version": "0", "ApiVersion": VERSION, "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64"})
            case ("GET", "/info"):
                about = {"OSType": "linux", "OperatingSystem": "processes", "Architecture": "x86_64"}
                self.json(200, {"ID": "processes", "ServerVersion": "0", **about})
            case ("GET", "/images/json" | "/containers/json" | "/networks"):
                self.json(200, [])
            case ("GET", _) if path.startswith("/images/"):
                self.json(200, {"Id": "sha256:0", "RepoTags": [], "Config": {}})
            case ("POST", "/images/create"):
                self.json(200, {"status": "nothing is pulled"})
            case ("POST", "/containers/create"):
                made = Container(query.get("name"), json.loads(body))
                self.containers[made.id] = made
                self.json(201, {"Id": made.id, "Warnings": []})
            case _ if container is None:
                print(f"not known: {self.command} {self.path}", file=sys.stderr)
                self.json(404, {"message": f"not known: {self.command} {self.path}"})
            case ("POST", _) if found[2] == "start":
                container.start(self.program)
                self.answer(204)
            case ("GET", _) if found[2] == "json":
                self.json(200, container.inspect())
            case ("GET", _) if found[2] == "logs":
                self.logs(container, query)
            case ("POST", _) if found[2] in ("stop", "kill"):
                container.stop()
                self.answer(204)
            case ("POST", _) if found[2] == "wait":
                container.process.wait()
                self.json(200, {"StatusCode": container.process.returncode})
            case ("DELETE", _):
                container.stop()
                container.folder.cleanup()
                del self.containers[container.id]
                self.answer(204)
            case _:
                self.json(405, {"message": f"not known: {self.command} {self.path}"})

    do_GET = do_HEAD = do_POST = do_DELETE = do_any

    def find(self, name):
        named = (container for container in self.containers.values() if name in (container.id, container.name))
        return next(named, None)

    def read_body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def json(self, status, value):
        self.answer(status, json.dumps(value).encode() + b"\n", "application/json")

    def answer(self, status, body=b"", content_type="text/plain"):
        self.send_response(status)
        self.send_header("Api-Version", VERSION)
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", content_type)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def logs(self, container, query):
        """Both streams in Docker's frames: the stream's number, the length, and the bytes."""
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.docker.multiplexed-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        wanted = [stream for stream in STREAMS if query.get(stream) in ("1", "true", "True")]
        files = {stream: open(container.log(stream), "rb") for stream in wanted}
        follows = query.get("follow") in ("1", "true", "True")
        try:
            while True:
                running = container.running
                for stream, file in files.items():
                    if read := file.read():
                        self.wfile.write(struct.pack(">BxxxI", STREAMS[stream], len(read)) + read)
                if not (follows and running):
                    break
                threading.Event().wait(0.05)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            for file in files.values():
                file.close()
        self.close_connection = True


def main():
    program, *command = sys.argv[1:]
    Docker.program = os.path.abspath(program)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Docker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        "DOCKER_HOST": f"tcp://127.0.0.1:{server.server_port}",
        "TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1",
        # Python's, where the tests run in a container themselves.
        "TESTCONTAINERS_CONNECTION_MODE": "docker_host",
        # The container that removes what the tests leave behind.
        "TESTCONTAINERS_RYUK_DISABLED": "true",
    }
    try:
        return subprocess.run(command, env={**os.environ, **environment}).returncode
    finally:
        for container in Docker.containers.values():
            container.stop()


if __name__ == "__main__":
    sys.exit(main())
