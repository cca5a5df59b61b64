"""What the first use costs: seconds of processor time to compile the kernels of each kind of training, float32.

    python benchmarks/compiling.py

Each kind in a process of its own with an empty cache, so what kinds have in common is compiled for each.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="?", help=argparse.SUPPRESS)
    asked = parser.parse_args().kind
    from handgrad.training.engines.compiled.compilation import ENTRY_POINTS, prepare

    if asked:
        start = time.process_time()
        prepare("float32", asked, lambda line: None)
        print(f"{asked:10} {time.process_time() - start:5.1f} s")
        return
    for kind in ENTRY_POINTS:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, __file__, kind], env={**os.environ, "NUMBA_CACHE_DIR": folder}, check=True)


if __name__ == "__main__":
    main()
