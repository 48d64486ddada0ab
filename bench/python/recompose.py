"""The reference's recomposition of weights in PyTorch on the CPU: the other side of `T2.Bench recompose`.

Usage: recompose.py FOLDER THREADS ROUNDS. FOLDER/matrices.json lists [rows, columns] and weights.bin, z.bin hold them one after the other in fp32; U, sigma, V
and the fp64 answers are computed once and kept in FOLDER. Two ways are timed, after one warm-up: the one the Transformer-squared reference writes
(U @ diag_embed(sigma * z) @ V.T, times the ratio of the sums, copied into a parameter), and the same without the product with a diagonal matrix, which is
PyTorch at its best. Factors are fp32, which is faster on a CPU than the reference's bf16. Prints one line of JSON.
"""
import json
import os
import sys
import time

import numpy as np
import torch


def split(flat, lengths):
    return torch.split(torch.from_numpy(flat), lengths)


@torch.no_grad()
def main():
    folder, threads, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    with open(folder + "/matrices.json") as file:
        shapes = json.load(file)
    weights = [w.reshape(s) for w, s in zip(split(np.fromfile(folder + "/weights.bin", np.float32), [m * n for m, n in shapes]), shapes)]
    zs = split(np.fromfile(folder + "/z.bin", np.float32), [min(s) for s in shapes])
    cache = folder + "/factors.pt"
    if not os.path.exists(cache):
        exact = [torch.linalg.svd(w.double(), full_matrices=False) for w in weights]
        answers = [(u * (s * z.double())) @ vt for (u, s, vt), z in zip(exact, zs)]
        np.concatenate([a.numpy().ravel() for a in answers]).tofile(folder + "/answers.bin")
        torch.save([(u.float(), s.float(), vt.T.contiguous().float()) for u, s, vt in exact], cache)
    factors = torch.load(cache)
    answers = [a.reshape(s) for a, s in zip(split(np.fromfile(folder + "/answers.bin", np.float64), [m * n for m, n in shapes]), shapes)]

    def reference(parameters):
        for parameter, (u, s, v), z in zip(parameters, factors, zs):
            composed = (u @ torch.diag_embed(s * z) @ v.T) * (s.sum() / (s * z).sum())
            parameter.copy_(composed)

    def best(parameters):
        for parameter, (u, s, v), z in zip(parameters, factors, zs):
            parameter.copy_((u * (s * z * (s.sum() / (s * z).sum()))) @ v.T)

    result = {"threads": threads}
    for name, way in (("reference", reference), ("best", best)):
        for dtype in (torch.float32, torch.float16):
            parameters = [torch.zeros(s, dtype=dtype) for s in shapes]
            way(parameters)
            seconds = []
            for _ in range(rounds):
                start = time.perf_counter()
                way(parameters)
                seconds.append(time.perf_counter() - start)
            # The answers are without the ratio of the sums: it is put back before they are compared.
            error = max(
                ((p.double() / (s.double().sum() / (s.double() * z).sum()) - a).norm() / a.norm()).item()
                for p, a, (_, s, _), z in zip(parameters, answers, factors, zs))
            result[f"{name} {str(dtype)[6:]}"] = {"seconds": seconds, "error": error}
    print(json.dumps(result))


main()
