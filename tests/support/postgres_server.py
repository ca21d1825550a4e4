"""A PostgreSQL server of the tests' own: Debian's program, in a temporary folder, on no network."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from autograder.linux import die_with_parent

USER = "moelab"


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`; `None` where there is no server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if found:
        return found[0].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class Server:
    """A running server, in which each caller gets a database of its own."""

    def __init__(self, bin_folder: Path, folder: Path, options: dict[str, object]) -> None:
        self.folder = folder
        self._bin = bin_folder
        self._options = options
        self._made = 0
        self.start()

    def start(self) -> None:
        """Start the program, and wait until it answers a query."""
        settings = ("listen_addresses=", f"unix_socket_directories={self.folder}", "fsync=off")
        words = [word for one in settings for word in ("-c", one)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.folder / "data", *words],
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
                **self._options,
            )
        while not self._answers():
            self._must_run()
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        return self._process.pid

    def _answers(self) -> bool:
        try:
            self.tell("SELECT 1")
        except OperationalError:  # no socket yet, or it recovers from how it ended
            return False
        return True

    def _must_run(self) -> None:
        """`RuntimeError` with the server's last words where somebody or something has ended it."""
        if (code := self._process.poll()) is not None:
            log = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"PostgreSQL has ended with {code}:\n{log[-2000:]}")

    def stop(self) -> None:
        """End the program at once: nothing in it is worth a checkpoint."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    def restart(self) -> None:
        """End all connections, and start again with what was committed."""
        self.stop()
        self.start()

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        self._must_run()
        self._made += 1
        name = f"class_{self._made}"
        self.tell(f"CREATE DATABASE {name}")
        return self.url(name)

    def tell(self, command: str) -> None:
        """Run a command of the server's administrator."""
        engine = create_engine(
            self.url("postgres").replace("postgresql:", "postgresql+psycopg:"),
            isolation_level="AUTOCOMMIT",
        )
        try:
            with engine.connect() as connection:
                connection.execute(text(command))
        finally:
            engine.dispose()


@contextmanager
def running_server(bin_folder: Path) -> Iterator[Server]:
    """Start a server as an ordinary user, and stop it in the end."""
    folder = Path(tempfile.mkdtemp(prefix="moelab-pg-"))
    options: dict[str, object] = {"cwd": folder, "stdin": subprocess.DEVNULL}
    if os.geteuid() == 0:  # the server refuses to run as root
        account = pwd.getpwnam("nobody")
        os.chown(folder, account.pw_uid, account.pw_gid)
        options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}
    data = folder / "data"
    make = [bin_folder / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8"]
    subprocess.run([*make, "--no-sync"], check=True, stdout=subprocess.DEVNULL, **options)
    server = Server(bin_folder, folder, options)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
