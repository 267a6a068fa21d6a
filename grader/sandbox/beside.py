"""The instructor's files beside a notebook: data and modules released with it, which appear in a fork's work folder.

They are kept in a folder that forks can read but not write; each work folder has links to it.  A notebook can write in
its work folder, and so replace a link by another file; ``Beside`` restores it from outside.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from grader.files import empty, remove


class Files:
    """The folder with the instructor's files, which forks may read.

    folder: made by the zygote, before any file is put there.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.content: dict[str, bytes] = {}

    def lay(self, content: Mapping[str, bytes], anew: bool) -> None:
        """Make the folder contain exactly these files.  content: name -> bytes.

        anew: write them even if these are there already.  Raises ValueError for a name that does not lead into the
        folder, OSError if a file cannot be written.
        """
        if dict(content) == self.content and not (anew and content):
            return
        for name in content:
            inner = PurePosixPath(name)
            if not inner.parts or inner.is_absolute() or ".." in inner.parts or "\0" in name:
                raise ValueError(f"{name!r} is not the name of a file beside a notebook")
        self.content = {}  # if writing stops halfway, the next run starts over
        empty(self.folder)
        for name, data in content.items():
            path = self.folder / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o444)
        self.content = dict(content)

    @property
    def names(self) -> list[str]:
        """The entries at the top: files, and folders of files."""
        return list(dict.fromkeys(PurePosixPath(name).parts[0] for name in self.content))


class Beside:
    """The links in one work folder to the instructor's files.

    work: an empty folder.  It is held open, since a fork can give it another name.
    """

    def __init__(self, work: Path, files: Files):
        self.links = {name: str(files.folder / name) for name in files.names}
        self.handle = os.open(work, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) if self.links else -1
        self.put_back()

    def put_back(self) -> None:
        """Restore every link that is missing or was replaced by something else."""
        for name, target in self.links.items():
            with contextlib.suppress(OSError):
                if os.readlink(name, dir_fd=self.handle) == target:
                    continue
            with contextlib.suppress(OSError):  # a fork that has removed its own folder gets nothing
                self._remove(name)
                os.symlink(target, name, dir_fd=self.handle)

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self.handle)
        except FileNotFoundError:
            return
        except OSError:  # it is a folder
            remove(Path(f"/proc/self/fd/{self.handle}", name))

    def close(self) -> None:
        """Close the descriptor of the work folder."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1
