"""Runs a command whose calls of `workbench` are forked from this process, where torch is loaded already.

Each call then takes no ten seconds of imports. The command is given a program to call in the place of `workbench`: it
hands its arguments over a socket, and ends with the exit code of the fork.
"""

import json
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

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
                connection.sendall(f"{_forked(arguments, cwd, file.fileno(), prepare)}\n".encode())
    return process.returncode, output.read_text()


def _forked(arguments: list[str], cwd: Path, output: int, prepare: Callable[[], None]) -> int:
    from workbench.cli.main import main

    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        os.chdir(cwd)
        prepare()
        code = main(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
