"""Files of ImageNet weights for keras.applications: their names, where they lie, their content.

Nothing here downloads or writes. Keras would download a missing file in the middle of a run, and
deletes one in ``~/.keras/models`` whose hash it does not expect.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from benchmark.protocol import text
from benchmark.protocol.errors import UserError

IMAGENET, RANDOM = "imagenet", "random"  # values of the setting `weights` that are no paths
FOLDER = Path("data") / "weights"
VARIABLE = "SKEWBENCH_WEIGHTS"

# Keras' names, written down because importing Keras takes seconds; a test compares.
KERNELS = "_weights_tf_dim_ordering_tf_kernels_notop.h5"
FILES = {
    **{f"ConvNeXt{size}": f"convnext_{size.lower()}_notop.h5"
       for size in ("Base", "Large", "Small", "Tiny", "XLarge")},
    **{f"DenseNet{depth}": f"densenet{depth}{KERNELS}" for depth in (121, 169, 201)},
    **{f"EfficientNetB{number}": f"efficientnetb{number}_notop.h5" for number in range(8)},
    **{f"EfficientNetV2{size}": f"efficientnetv2-{size.lower()}_notop.h5"
       for size in ("B0", "B1", "B2", "B3", "L", "M", "S")},
    "InceptionResNetV2": f"inception_resnet_v2{KERNELS}",
    "InceptionV3": f"inception_v3{KERNELS}",
    "MobileNet": "mobilenet_1_0_{size}_tf_no_top.h5",
    "MobileNetV2": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{size}_no_top.h5",
    "MobileNetV3Large": "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
    "MobileNetV3Small": "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
    "NASNetLarge": "nasnet_large_no_top.h5",
    "NASNetMobile": "nasnet_mobile_no_top.h5",
    **{f"ResNet{depth}": f"resnet{depth.lower()}{KERNELS}"
       for depth in ("50", "101", "152", "50V2", "101V2", "152V2")},
    "VGG16": f"vgg16{KERNELS}",
    "VGG19": f"vgg19{KERNELS}",
    "Xception": f"xception{KERNELS}",
}  # fmt: skip
ANY_SIZE = 224  # whose file serves the sizes without one of their own
OWN_FILE = {"MobileNet": (128, 160, 192), "MobileNetV2": (96, 128, 160, 192)}  # sizes that have one


def file_name(model: str, size: int) -> str:
    """Return Keras' name of the file of a network's weights for images of `size` pixels a side."""
    return FILES[model].format(size=size if size in OWN_FILE.get(model, ()) else ANY_SIZE)


def find(weights: str, model: str, size: int) -> Path:
    """Return the file that the setting `weights` names.

    Args:
        weights: a file; a folder that holds a file of Keras' name; or `IMAGENET`, for which that
            file is looked for in `places`.

    Raises:
        UserError: naming the file and where it was looked for.
    """
    name = file_name(model, size)
    if weights != IMAGENET:
        given = _expanded(weights)
        if not given.exists():
            raise UserError(
                f"weights={weights}: there is no such file or folder; name a file of {model} "
                f"weights, a folder with {name}, or use weights={IMAGENET} or {RANDOM}"
            )
        if not given.is_dir():
            return given
    folders = places() if weights == IMAGENET else [given]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise UserError(_missing(name, model, size, folders))


def available(model: str, size: int) -> bool:
    """Return whether `IMAGENET` weights of a network are on this machine."""
    return any((folder / file_name(model, size)).is_file() for folder in places())


def places() -> list[Path]:
    """Return the folders in which `IMAGENET` is looked for, in this order.

    $SKEWBENCH_WEIGHTS, which may also be a file of Keras' name; data/weights; and the folder of
    Keras' own downloads, which is only read.
    """
    keras = Path(os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser()) / "models"
    chosen = os.environ.get(VARIABLE)
    if not chosen:
        return [FOLDER, keras]
    given = _expanded(chosen)
    return [given.parent if given.is_file() else given, FOLDER, keras]


def content(path: Path) -> str:
    """Return the SHA-256 of a file; it is read again only if it changed.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        facts = path.stat()
        return _hash(path, facts.st_mtime_ns, facts.st_size, facts.st_ino)
    except OSError as error:
        raise UserError(f"the weights in {path} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=16)
def _hash(path: Path, *version: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UserError(f"weights={text}: there is no such home folder") from None


def _missing(name: str, model: str, size: int, folders: list[Path]) -> str:
    """Say what is missing, where it was looked for, and what can be done."""
    parts = [f"no {name}, the weights of {model} for size={size}, in {_listed(folders)}"]
    if size in OWN_FILE.get(model, ()):
        own = ", ".join(map(str, OWN_FILE[model]))
        general = file_name(model, ANY_SIZE)
        there = any((folder / general).is_file() for folder in folders)
        parts.append(
            f"sizes {own} have a file each, every other size takes {general}"
            + (", which is there" if there else "")
        )
    own_size = size if size in OWN_FILE.get(model, ()) else None
    parts.append(
        f"`{text.command('fetch', 'weights', model, size=own_size)}` downloads it; or name a file "
        f"or folder with weights=, or use weights={RANDOM}"
    )
    return ": ".join([parts[0], "; ".join(parts[1:])])


def _listed(folders: list[Path]) -> str:
    return " or ".join(map(str, folders))
