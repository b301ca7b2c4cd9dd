"""What to do about an error of the system that is not the fault of the file."""

from __future__ import annotations

import errno
import os

_ALWAYS = {
    errno.EMFILE: "this process has too many files open: close some, or raise 'ulimit -n'",
    errno.ENFILE: "the system has too many files open: close some",
    errno.ENOTDIR: "a part of the path is a file: choose another folder",
    errno.ELOOP: "the link leads back to itself: delete it, or choose another path",
    errno.ENAMETOOLONG: "choose a shorter one",
}
READING = _ALWAYS | {
    errno.EACCES: "you may not read it: change its permissions with chmod, or ask its owner",
    errno.EIO: "the disk cannot be read: check it",
}
WRITING = _ALWAYS | {
    errno.EACCES: "you may not write there: change the permissions of the folder and of the file "
    "with chmod, or choose another folder",
    errno.EPERM: "the system protects it: choose another folder",
    errno.EROFS: "choose a folder on another disk",
    errno.ENOENT: "make its folder first",
    errno.ENOSPC: "free some space, or choose a folder on another disk",
    errno.EFBIG: "raise the limit with 'ulimit -f', or choose a folder on another disk",
    errno.EIO: "the disk cannot be written: check it, or choose a folder on another one",
}
if hasattr(errno, "EDQUOT"):  # Windows has no quotas of this kind
    WRITING[errno.EDQUOT] = "delete files, or ask for a larger quota"


def explain_writing(error: OSError, path: str | os.PathLike[str]) -> None:
    """Let an error of writing name ``path``, which the user gave, and say what to do."""
    if error.filename2 is not None:
        del error.filename2
    error.filename = os.fspath(path)
    advice = WRITING.get(error.errno or 0, "")
    if advice and advice not in str(error.strerror):
        error.strerror = f"{error.strerror} ({advice})"
