"""Write requirements-hashes.txt: the tested versions of what a learner needs and what that brings.

python docs/build_hashes.py    (needs uv: pip install uv, in an environment of its own)

The hashes are those of all platforms' files. torch is left out: which of its builds one wants, CPU or CUDA,
comes from elsewhere. Versions are those of the environment that runs this script.
"""

import re
import subprocess
import tempfile
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "requirements-hashes.txt"
OF_TORCH = ("nvidia-", "cuda-", "triton")
HEAD = """# The versions of requirements.txt and what they bring, with the hashes of all platforms' files.
# Nothing needs this file; who wants to be sure of what comes installs torch first, then:
#     pip install --require-hashes -r requirements-hashes.txt
# Made by docs/build_hashes.py.
"""

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        tested = Path(folder) / "tested.txt"
        pins = {
            f"{one.name}=={one.version}" for one in distributions() if one.name not in ("cmgsd-lite", "torch")
        }
        tested.write_text("\n".join(sorted(pins)), encoding="utf-8")
        command = ["uv", "pip", "compile", "--universal", "--generate-hashes", "--no-header", "--no-annotate"]
        command += [
            "--python-version",
            "3.11.5",
            "--no-emit-package",
            "torch",
            "-c",
            str(tested),
            "requirements.txt",
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    blocks = re.split(r"(?m)^(?=\S)", done.stdout)
    kept = [block for block in blocks if not block.startswith(OF_TORCH)]
    PAGE.write_text(HEAD + "".join(kept), encoding="utf-8")
