"""Models on the Hugging Face Hub: ``hf:USER/REPOSITORY``, or ``hf:USER/REPOSITORY@REVISION``."""
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Tuple

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import LocalTokenNotFoundError

from ..engine import CONFIG_FILE
from ..utils import InputError

PREFIX = 'hf:'
WEIGHTS_FILE = 'model.safetensors'
CARD_FILE = 'README.md'
FILES = [CONFIG_FILE, WEIGHTS_FILE, CARD_FILE]  # nothing else is ever downloaded


def parse(address: str) -> Tuple[str, Optional[str]]:
    """Returns the repository and the revision of an address.

    Raises:
        InputError: If it is not one.
    """
    match = re.fullmatch(r'hf:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?', address)
    if not match:
        raise InputError(f'{address}: must be hf:USER/REPOSITORY or hf:USER/REPOSITORY@REVISION')
    return match[1], match[2]


@contextmanager
def one_line(address: str) -> Iterator[None]:
    """Turns errors of the hub and of the network into an InputError."""
    try:
        yield
    except LocalTokenNotFoundError as error:
        raise InputError(f'{address}: publishing needs a token; run `hf auth login` first') from error
    except Exception as error:  # the hub's, the network's, or those of whatever library speaks HTTP
        reason = ' '.join(str(error).split())[:300] or type(error).__name__
        raise InputError(f'{address}: {reason}') from error


def download(address: str) -> str:
    """Downloads a model, or finds it in the cache of huggingface_hub, and returns its folder."""
    repository, revision = parse(address)
    with one_line(address):
        folder = snapshot_download(repository, revision=revision, allow_patterns=FILES)
    return folder


def upload(folder: Path, address: str, private: bool) -> None:
    """Uploads a folder as a new commit of a repository, which is created if there is none."""
    repository, revision = parse(address)
    if revision:
        raise InputError(f'{address}: a push makes a new revision; leave @{revision} out')
    with one_line(address):
        api = HfApi()
        api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repository, folder_path=folder, allow_patterns=FILES, commit_message='Add the model')
