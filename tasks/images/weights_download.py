"""Download of ImageNet weights, when a person asks for it."""

from __future__ import annotations

from pathlib import Path

from benchmark.protocol.arguments import suggest
from benchmark.protocol.errors import UserError
from tasks.images import backbones, weights


def fetch(model: str, size: int, folder: Path = weights.FOLDER) -> Path:
    """Download Keras' file of a network's weights into `folder`, unless it is there; return it.

    Args:
        model: a network of keras.applications, in any spelling of upper and lower case.
        size: pixels a side of the images it is for; only some networks have files by size.

    Raises:
        UserError: for an unknown network, or if the download or its hash fails.
    """
    names = {name.lower(): name for name in weights.FILES}
    if model.lower() not in names:
        raise UserError(f"no weights of {model!r}: {suggest(model, names.values())}")
    name = names[model.lower()]
    target = folder / weights.file_name(name, size)
    if target.is_file():
        return target
    import pooch

    url, known = backbones.keras_file(name, size)
    algorithm = "md5" if known and len(known) == 32 else "sha256"
    try:
        pooch.retrieve(
            url,
            known_hash=f"{algorithm}:{known}" if known else None,
            fname=target.name,
            path=folder,
            downloader=pooch.HTTPDownloader(progressbar=True),
        )
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        reason = " ".join(str(error).split())
        raise UserError(
            f"{target.name} cannot be fetched from {url}: {reason}. Bring the file from a machine "
            f"that can, and put it into {folder}"
        ) from error
    return target
