"""Runs a command whose calls of `workbench` are forked from this process, where torch is loaded already.

Each call then takes no ten seconds of imports. The command is given a program to call in the place of `workbench`: it
hands its arguments over a socket, and ends with the exit code of the fork.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.forking import forked
from workbench.cli.main import main

CLIENT = """#!{python} -SE
import json, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    server.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
    sys.exit(int(server.makefile().readline() or 1))
"""


def run(make: Callable[[Path], Sequence[str]], cwd: Path, folder: Path, prepare: Callable[[], None]) -> tuple[int, str]:
    """Run the command that `make` gives for the program to call; returns its exit code, and what all of it printed.

    cwd: the working directory of the command and of the forks. folder: for the program, the socket and the output.
    prepare: what each fork does before it begins.
    """
    client, output = folder / "workbench", folder / "output.txt"
    with socket.socket(socket.AF_UNIX) as server, output.open("w") as file:
        address = str(folder / "socket")
        server.bind(address)
        server.listen()
        server.settimeout(0.2)
        client.write_text(CLIENT.format(python=sys.executable, address=address))
        client.chmod(0o755)
        process = subprocess.Popen(make(client), cwd=cwd, stdout=file, stderr=file)
        while process.poll() is None:
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(None)
                arguments = json.loads(connection.makefile().readline())

                def call(arguments: list[str] = arguments) -> int:
                    os.chdir(cwd)
                    prepare()
                    return main(arguments)

                _, status = os.waitpid(forked(call, file.fileno()), 0)
                connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    return process.returncode, output.read_text()
