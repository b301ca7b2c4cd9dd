"""Run files: where hooks may write, tried before the first iteration."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from plugnet.arguments import file_path
from plugnet.errors import ConfigError


class RunFiles:
    """The files of a run that are made by hooks: all inside one folder, and each by one hook.

    Attributes:
        folder: of the run.
        made: the names of files that this run has made, and may make anew.
        claimed: those of them that hooks of the present `fit` make.
    """

    def __init__(
        self, folder: Path, made: Iterable[str] = (), reserved: Iterable[str] = ()
    ) -> None:
        """Take the names that the run has made before, and those that no hook may write."""
        self.folder, self.made = folder.absolute(), {*made}
        self._reserved = {*reserved}
        self.claimed: set[str] = set()

    def begin(self) -> None:
        """Let each hook claim its files anew, because a `fit` begins."""
        self.claimed = set()

    def path(self, name: str | os.PathLike[str], is_folder: bool = False) -> Path:
        """Return the path of a hook's file, or of a folder for its files, which may be there.

        Raises:
            ConfigError: it is outside the folder, another hook's or the user's own file, or cannot
                be written.
        """
        given = Path(file_path("path", name))
        local = os.path.normpath(given)
        path = self.folder / local
        if given.anchor or local == os.curdir or os.pardir in given.parts:
            raise _refused(given, f"lead to a file inside the run's folder, {self.folder}")
        real = path.resolve() if is_folder else path.parent.resolve()
        if not real.is_relative_to(self.folder.resolve()):
            raise _refused(given, f"lead into {self.folder}, but a link leads out of it")
        if local in self._reserved:
            raise _refused(given, "not be that of one of the run's own files")
        if local in self.claimed:
            raise _refused(given, "be written by one hook only, but two would write it")
        is_own = local in self.made or (is_folder and path.is_dir())
        if not is_own and os.path.lexists(path):
            raise _refused(given, "not be that of a file that the run has not made")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            tried(path, is_folder)
        except OSError as error:
            raise _refused(given, f"be one that can be written, but {error}") from error
        self.claimed.add(local)
        self.made.add(local)
        return path


def tried(path: Path, is_folder: bool = False) -> Path:
    """Return the path of a file, after one beside it could be made; or of a folder, which is made.

    Raises:
        OSError: there is no such folder, it cannot be written, the name is too long, or the path is
            that of a folder and not of a file.
    """
    if is_folder:
        path.mkdir(parents=True, exist_ok=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.lstat()
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder")
    with tempfile.TemporaryFile(dir=path if is_folder else path.parent):  # without a name
        pass
    return path


def _refused(path: Path, rule: str) -> ConfigError:
    return ConfigError(
        f"A hook's path must {rule}. The path is {path}. Change it in the configuration; --out "
        "moves the run.",
        key="training.hooks",
    )
