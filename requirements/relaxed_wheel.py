"""Build backend that installs a released wheel under fewer requirements than it declares.

`pyproject.toml` beside this file names the release and, under `drop`, the requirements to leave out, with the
reason for each. Except for those lines of its metadata, the wheel is that of the index.
"""

import subprocess
import sys
import tempfile
import tomllib
from email import message_from_bytes
from pathlib import Path


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Writes the wheel into `wheel_directory` and returns its file name (PEP 517)."""
    settings = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["relaxed-wheel"]
    with tempfile.TemporaryDirectory() as scratch:
        _run(
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--dest",
            scratch,
            settings["release"],
        )
        (wheel,) = Path(scratch).glob("*.whl")
        _run("wheel", "unpack", "--dest", scratch, wheel)
        (metadata,) = Path(scratch).glob("*/*.dist-info/METADATA")
        _drop_requirements(metadata, set(settings["drop"]))
        _run("wheel", "pack", "--dest-dir", wheel_directory, metadata.parent.parent)
        return wheel.name


def _drop_requirements(metadata: Path, names: set[str]) -> None:
    message = message_from_bytes(metadata.read_bytes())
    requirements = message.get_all("Requires-Dist", [])
    del message["Requires-Dist"]
    for requirement in requirements:
        if _project(requirement) not in names and "extra ==" not in requirement:
            message["Requires-Dist"] = requirement
    metadata.write_bytes(message.as_bytes())


def _project(requirement: str) -> str:
    length = next((at for at, letter in enumerate(requirement) if letter in " (<>=!~;["), len(requirement))
    return requirement[:length].lower().replace("_", "-")


def _run(*command) -> None:
    subprocess.run([sys.executable, "-m", *map(str, command)], check=True)
