"""A double of Pulumi's language host for Python, which is in no package registry: it runs a project's program.

The CLI starts it as ``pulumi-language-python``, reads its port from the first line, and has it run the program, which
happens in a process of its own, as with the real one. What the real one also does (environments, tool chains,
dependencies, debuggers) it does not do: the program runs under the Python that this runs under.
"""

import asyncio
import gc
import logging
import runpy
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime import Settings, configure, run_in_stack, set_all_config
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

SHOWN = 32
"""How a program's process ends that has said itself what went wrong, as with the real host."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Serves one CLI."""

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's names, here and below
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.GetRequiredPackagesResponse()

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.GetProgramDependenciesResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        yield from ()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        words = [sys.executable, __file__, "run", request.args[0] if request.args else self.engine]
        ended = subprocess.run(words, input=request.SerializeToString(), cwd=request.pwd or None, check=False)
        if ended.returncode == SHOWN:
            return language_pb2.RunResponse(bail=True)
        failed = f"program exited with non-zero exit code: {ended.returncode}" if ended.returncode else ""
        return language_pb2.RunResponse(error=failed)

    @property
    def engine(self) -> str:
        """The engine's address, which the CLI gives as the last argument."""
        return sys.argv[-1]


def serve() -> None:
    """Answers until it is ended."""
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:  # how the CLI ends it
        server.stop(0)


def run(engine: str) -> int:
    """Runs the program of a request that comes through standard input."""
    gc.disable()  # the process ends before its garbage is worth looking for
    asked = language_pb2.RunRequest.FromString(sys.stdin.buffer.read())
    set_all_config(dict(asked.config), list(asked.configSecretKeys))
    configure(
        Settings(
            monitor=asked.monitor_address,
            engine=engine,
            project=asked.project,
            stack=asked.stack,
            parallel=asked.parallel,
            dry_run=asked.dryRun,
            organization=asked.organization or "organization",
            root_directory=asked.info.root_directory,
        )
    )
    entry = Path(asked.info.program_directory) / asked.info.entry_point

    def program() -> None:
        runpy.run_path(str(entry), run_name="__main__")

    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(run_in_stack(program))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception:  # noqa: BLE001 - whatever a program raises is shown
        pulumi.log.error(f"Program failed with an unhandled exception:\n{traceback.format_exc()}")
        return SHOWN
    finally:
        loop.close()
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        sys.exit(run(sys.argv[2]))
    serve()
