"""Reading the text files that people write: annotations, lists and label maps."""
from ..utils import InputError, MissingFileError


def read_annotations(path: str) -> str:
    """Reads an annotation file, without the byte order mark that Excel writes at the beginning.

    Raises:
        MissingFileError: If the file is missing. The message says where to get it.
        InputError: If it is a folder, is not UTF-8 text, or is empty.
    """
    try:
        with open(path, newline='', encoding='utf-8-sig') as file:
            text = file.read()
    except FileNotFoundError as error:
        raise MissingFileError(f'{path}: no such annotation file; data/README.md says where to get it, and '
                                '`ann_file` in the config where it is') from error
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror}); give a text file') from error
    except UnicodeDecodeError as error:
        raise InputError(f'{path}: byte {error.start} is no text in UTF-8; save the file as "CSV UTF-8" '
                         'or plain text in UTF-8') from error
    if not text.strip():
        raise InputError(f'{path}: is empty; it must list at least one video')
    return text
