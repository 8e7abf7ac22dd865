"""`workbench serve`: a vLLM server that is proved, watched, and started again where it fails."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from agents import event_loop as background
from agents.language_models.canary import Findings, look
from agents.language_models.openai_endpoint import OpenAiEndpoint
from agents.language_models.readiness import get
from agents.language_models.vllm_server import ENVIRONMENT, ServerError, VllmServer, install
from workbench.data.errors import ConfigurationError

NOTHING_REUSED = "--no-enable-prefix-caching"
EVERY = 5.0
"""Seconds between two looks at whether the server is there."""
UNHEALTHY = 3
"""So many looks in a row that find it unhealthy are no accident."""
REPEATS = 3
"""How often it is started again, and the command beside it run again, before that is given up."""
HANGS = 600.0
"""Seconds in which a server must answer the canary's small request, however much it has to do."""


class Keeper:
    """Keeps a server that runs in good health: `prove` it, `watch` it while others use it, and `mend` it."""

    def __init__(self, server: VllmServer, show: Callable[[str], None]) -> None:
        self.server, self._show = server, show
        self.restarts = 0
        self._lock = threading.Lock()
        self._done = threading.Event()

    def prove(self) -> None:
        """Have the canary look, and start the server again where that finds something: without reusing what requests
        have in common, where it answered about pictures of other requests.

        Raises `ServerError` where it does not get better.
        """
        while trouble := self._look().trouble:
            self._restart(trouble, *([NOTHING_REUSED] if "other requests" in trouble else []))

    def mend(self) -> bool:
        """Whether the server had to be started again, now that something else failed."""
        before = self.restarts
        with self._lock:
            ended = self.server.ended
        if ended:
            self._restart("it has ended")
        self.prove()
        return self.restarts > before

    def watch(self) -> threading.Thread:
        """Look at it from a thread until `stop`: whether its process is there and says that it is healthy."""
        watching = threading.Thread(target=self._watch, name="server", daemon=True)
        watching.start()
        return watching

    def stop(self) -> None:
        """End the watch."""
        self._done.set()

    def _watch(self) -> None:
        unhealthy = 0
        while not self._done.wait(EVERY):
            try:
                unhealthy = 0 if self._healthy() else unhealthy + 1
                if self.server.ended:
                    self._restart("it has ended")
                elif unhealthy >= UNHEALTHY:
                    unhealthy = 0
                    self._restart("it says that it is not healthy")
            except ServerError as error:
                self._show(str(error))
                return

    def _healthy(self) -> bool:
        try:
            get(self.server.url.removesuffix("/v1") + "/health")
        except OSError as error:
            return isinstance(error, TimeoutError)  # busy
        return True

    def _look(self) -> Findings:
        model = OpenAiEndpoint(self.server.url, self.server.name, temperature=0.0)
        return background.run(look(model, limit=HANGS))

    def _restart(self, reason: str, *arguments: str) -> None:
        with self._lock:
            if self._done.is_set():
                return
            if self.restarts >= REPEATS:
                raise ServerError(
                    f"the server was started again {REPEATS} times, and still: {reason}{self.server.tail()}"
                )
            self.restarts += 1
            more = f" with {' '.join(arguments)}" if arguments else ""
            self._show(f"the server is started again{more}: {reason}")
            self.server.restart(*arguments)
            self._show(f"ready again: {self.server.url}")


def serve(
    model: str,
    *,
    name: str = "",
    port: int = 8001,
    environment: Path | None = None,
    log: Path | None = None,
    installing: bool = False,
    arguments: Sequence[str] = (),
    then: Sequence[str] = (),
) -> int:
    """Serve a model with vLLM until interrupted; prints how to point an agent at it. Returns exit code 0.

    Before it is called ready the canary looks at it; while it serves it is watched, and started again where it ends or
    is not healthy.

    With `then`, the words of a command, that command runs when the server is ready, and the server stops when it ends;
    returns its exit code. `{endpoint}` and `{model}` in the words stand for the server's. Where the command fails and
    the server is found to have failed too, it is started again and the command runs again: a comparison with `--out`
    goes on where it was.
    """
    where = environment or ENVIRONMENT
    kept = log or Path("runs") / f"vllm-{port}.log"
    try:
        if installing:
            print(f"installing vLLM into {where}", file=sys.stderr)
            install(where)
        server = VllmServer(model, name=name, port=port, environment=where, log=kept, arguments=arguments, show=_say)
        print(f"starting; the log is in {kept}", file=sys.stderr)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with server:
            keeper = Keeper(server, _say)
            keeper.prove()
            print(f"ready: {server.url} serves {server.name}; stop it with Ctrl-C. Use it with")
            print(f"    --set sam3-agent.endpoint={server.url} --set sam3-agent.model={server.name}", flush=True)
            watching = keeper.watch()
            try:
                if then:
                    words = [w.replace("{endpoint}", server.url).replace("{model}", server.name) for w in then]
                    return _beside(words, keeper)
                watching.join()
            finally:
                keeper.stop()
            raise ServerError("the server ended by itself" + server.tail())
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130 if then else 0
    except ServerError as error:
        raise ConfigurationError(str(error)) from error


def _beside(words: Sequence[str], keeper: Keeper) -> int:
    """The exit code of a command. It runs again where it failed because of the server."""
    while True:
        before = keeper.restarts
        code = _run(words)
        if code in (0, 130) or not (keeper.mend() or keeper.restarts > before):
            return code
        _say(f"the command ended with exit code {code} while the server failed: it runs again")


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def _run(words: Sequence[str], grace: float = 20.0) -> int:
    """The exit code of a command; where this process is interrupted, the command is given time to end by itself."""
    command = [sys.executable, "-m", "workbench", *words[1:]] if words[0] == "workbench" else list(words)
    try:
        process = subprocess.Popen(command)
    except OSError as error:
        raise ConfigurationError(f"--then: {words[0]} cannot be run: {error.strerror or error}") from error
    try:
        return process.wait()
    except KeyboardInterrupt:
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
        process.terminate()
        process.wait()
        raise
