"""What a step of the jax engine costs a GPU, counted in its program: launches, kernels, bytes read and written.

    python benchmarks/gpu_kernels.py [--cases "784-300-10, B 10" …] [--runs 1 64 …] [--list]

Beside JAX's autograd under jit, scan and vmap, as benchmarks/gpu.py writes it.  No GPU is needed: XLA compiles for an
H100 that is only described.  It needs CUDA's ptxas, and pip install jax-cuda13-plugin jax-cuda13-pjrt, of the same
version as jax.  Nothing is timed, and XLA's choice by timing is off, so a product may be another kernel than on a
device.  An array that a kernel reads several times counts once.  A CUDA graph is one launch, a kernel or copy beside it
another.  --list prints every kernel.
"""

import argparse
import math
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpu
import jax
from jax.experimental import topologies

DUMPED = Path(gpu.KEPT, "dumped")
os.environ["JAX_SKIP_CUDA_CONSTRAINTS_CHECK"] = "1"  # cuDNN need not be here
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_autotune_level=0 --xla_dump_to={DUMPED}"

H100 = """
gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32 shared_memory_per_block: 49152 shared_memory_per_core: 233472
  threads_per_core_limit: 2048 core_count: 132 fpus_per_core: 128 block_dim_limit_x: 2147483647 block_dim_limit_y: 65535
  block_dim_limit_z: 65535 memory_bandwidth: 3352320000000 l2_cache_size: 52428800 clock_rate_ghz: 1.98
  device_memory_size: 84978434048 shared_memory_per_block_optin: 232448 cuda_compute_capability { major: 9 }
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 patch: 0 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""
BYTES = {"f64": 8, "s64": 8, "u64": 8, "f32": 4, "s32": 4, "u32": 4, "s8": 1, "u8": 1, "pred": 1}
NO_KERNEL = {"parameter", "get-tuple-element", "tuple", "bitcast", "constant"}
SOME_OF_IT = {"gather", "dynamic-slice", "dynamic-update-slice"}  # they touch as much as they give or take
INSTRUCTION = re.compile(r"\s+(?:ROOT )?%(\S+) = (\(.*?\)|\S+) ([\w-]+)\((.*?)\)")


def size(shape: str) -> int:
    """Bytes of an array, or of all in a tuple."""
    arrays = re.findall(rf"\b({'|'.join(BYTES)})\[([\d,]*)\]", shape)
    return sum(BYTES[kind] * math.prod(int(n) for n in lengths.split(",") if n) for kind, lengths in arrays)


def instructions(lines: str) -> list[tuple[str, str, str, list[str], str]]:
    """(name, shape, operation, operands, line) of each."""
    found = [(INSTRUCTION.match(line), line) for line in lines.splitlines()]
    return [(*m.group(1, 2, 3), re.findall(r"%([\w.-]+)", m.group(4)), line) for m, line in found if m]


def touched(fused: str) -> tuple[dict[int, int], int | None]:
    """(bytes of those parameters of which a kernel reads a part, bytes it writes if they are a part of its result)."""
    inside = instructions(fused)
    shapes = {name: shape for name, shape, *_ in inside}
    parts, written = {}, None
    for name, _, operation, _, line in inside:
        users = [(shape, op, ops) for _, shape, op, ops, _ in inside if name in ops]
        if operation == "parameter" and users and all(op in SOME_OF_IT and ops[0] == name for _, op, ops in users):
            number = int(re.search(r"parameter\((\d+)\)", line)[1])
            parts[number] = sum(0 if op == "dynamic-update-slice" else size(shape) for shape, op, _ in users)
        if operation == "dynamic-update-slice" and "ROOT" in line:
            written = size(shapes[re.findall(r"%([\w.-]+)", line)[2]])
    return parts, written


def kernels(program: str) -> Iterator[tuple[str, int]]:
    """(name, bytes) of every kernel of one step: of the body of the program's loop."""
    computations = dict(re.findall(r"^%(\S+) \(.*?\) -> .*?\{\n(.*?)^\}", program, re.M | re.S))
    body = instructions(computations[re.findall(r"body=%([\w.-]+)", program)[-1]])
    shapes = {name: shape for name, shape, *_ in body}
    for name, shape, operation, operands, line in body:
        if operation not in NO_KERNEL:
            calls = re.search(r"calls=%([\w.-]+)", line)
            parts, written = touched(computations[calls[1]]) if calls else ({}, None)
            read = {one: parts.get(i, size(shapes[one])) for i, one in enumerate(operands)}
            yield name, sum(read.values()) + (size(shape) if written is None else written)


def launches() -> int:
    """Of a step of the program that was compiled last: CUDA graphs, and the kernels and copies beside them."""
    (path,) = DUMPED.glob("*thunk_sequence_after_thunk_passes.txt")
    body = re.search(r"^  body:\n(.*?)(?=^\S|\Z)", path.read_text("utf-8"), re.M | re.S)
    shutil.rmtree(DUMPED)
    return len(re.findall(r"^    \d+: k", body[1], re.M))


def described(arguments: Any, device: Any) -> Any:
    """Arrays as shapes and types on the device that is not there."""
    there = jax.sharding.SingleDeviceSharding(device)

    def one(a: Any) -> Any:
        return jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=there, weak_type=getattr(a, "weak_type", False))

    return jax.tree.map(one, arguments)


def ours(bench: gpu.Bench, name: str, runs: int, device: Any) -> str:
    made, epochs = bench.group(bench.job(name), runs)
    given = made._state, next(iter(made._batches(epochs))), made._numbers_here(), made.parts["train"]
    with made.programs._computing():
        return made.programs._train._jitted.lower(*described(given, device)).compile().as_text()


def autograd(bench: gpu.Bench, name: str, runs: int, device: Any) -> str:
    with jax.default_matmul_precision("highest"):
        program, given = gpu.autograd_program(bench, name, runs, min(256, len(bench.y) // gpu.CASES[name][1]))
        return program.lower(*described(given, device)).compile().as_text()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(gpu.CASES), choices=list(gpu.CASES))
    parser.add_argument("--runs", nargs="+", type=int)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    topology = topologies.get_topology_desc("", platform="cuda", target_config=H100, topology="1x1x1")
    bench = gpu.Bench("cpu", small=False)
    print(f"JAX {jax.__version__}: this engine; JAX's autograd", flush=True)
    for name in options.cases:
        for runs in options.runs or gpu.SIZES[name]:
            told = []
            for program in (ours, autograd):
                found = list(kernels(program(bench, name, runs, topology.devices[0])))
                megabytes = sum(moved for _, moved in found) / runs / 1e6
                told.append(f"{launches()} launches of {len(found)} kernels, {megabytes:.3f} MB a run")
                for kernel, moved in found if options.list else ():
                    print(f"      {moved / runs / 1e6:8.4f} {kernel}")
            print(f"   {name:20s} {runs:4d} runs, a step: {'; '.join(told)}", flush=True)
    shutil.rmtree(gpu.KEPT, ignore_errors=True)


if __name__ == "__main__":
    main()
