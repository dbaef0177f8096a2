"""The files of the web page: one private folder per run, in it one per user, and nothing is left behind."""
import atexit
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Dict, List, Optional

PREFIX, LOCK = 'cast_app_', 'lock'


def remove_leftovers(parent: Path) -> int:
    """Removes the folders of runs that were killed, which no longer hold their lock; returns their number."""
    count = 0
    for lock in parent.glob(f'{PREFIX}*/{LOCK}'):
        try:
            with lock.open('r+') as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
                count += 1
        except OSError:  # it runs, or it belongs to another user of this machine
            continue
    return count


class Workspace:
    """A folder that only this user of the machine can read, which is removed when the process ends.

    If the process is killed, the next one removes it, since the system has released its lock.

    Args:
        parent: Where it is made; by default, the system's folder for temporary files.

    Attributes:
        path: The folder. Uploads go to ``uploads`` in it.
        leftovers: How many folders of killed processes were removed.
    """

    def __init__(self, parent: Optional[Path] = None) -> None:
        parent = Path(parent or tempfile.gettempdir())
        self.leftovers = remove_leftovers(parent)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self.lock = (self.path / f'new_{LOCK}').open('w')
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        os.rename(self.lock.name, self.path / LOCK)  # locked before anyone can find it
        self.uploads = self.path / 'uploads'
        self.uploads.mkdir()
        self.results: Dict[str, Path] = {}
        self.uploaded: Dict[str, Path] = {}
        self.examples: List[Path] = []
        atexit.register(shutil.rmtree, self.path, ignore_errors=True)

    def keep_examples(self) -> None:
        """Notes what is there before anyone has uploaded anything: the examples."""
        self.examples = [path.resolve() for path in self.uploads.iterdir()]

    def fresh(self, session: str) -> Path:
        """Returns an empty folder for the results of a user, whose former one is removed."""
        self.drop_results(session)
        self.results[session] = Path(tempfile.mkdtemp(prefix='results_', dir=self.uploads))
        return self.results[session]

    def keep(self, session: str, upload: Optional[str]) -> None:
        """Notes which upload a user has, and removes the former one.

        The page stores equal files of several users once; such a file goes with the last of them.
        """
        former = self.uploaded.pop(session, None)
        if upload:
            self.uploaded[session] = Path(upload).resolve()
        if former is None or former in self.uploaded.values() or former.parent in self.examples:
            return
        if former.parent.parent == self.uploads.resolve():  # each upload has a folder of its own there
            shutil.rmtree(former.parent, ignore_errors=True)

    def drop_results(self, session: str) -> None:
        """Removes what a user was shown."""
        folder = self.results.pop(session, None)
        if folder:
            shutil.rmtree(folder, ignore_errors=True)

    def leave(self, session: str) -> None:
        """Removes everything that a user has here."""
        self.drop_results(session)
        self.keep(session, None)
