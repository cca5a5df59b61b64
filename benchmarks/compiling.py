"""What the first use costs: seconds of processor time to compile the kernels of each kind of training, float32.

    python benchmarks/compiling.py

Each kind in a process of its own with an empty cache, so what kinds have in common is compiled for each.
"""

import os
import subprocess
import sys
import tempfile
import time


def main() -> None:
    from handgrad.training.engines.compiled.compilation import ENTRY_POINTS, prepare

    if len(sys.argv) > 1:
        start = time.process_time()
        prepare("float32", sys.argv[1], lambda line: None)
        print(f"{sys.argv[1]:10} {time.process_time() - start:5.1f} s")
        return
    for kind in ENTRY_POINTS:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, __file__, kind], env={**os.environ, "NUMBA_CACHE_DIR": folder}, check=True)


if __name__ == "__main__":
    main()
