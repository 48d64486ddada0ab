"""Golden vectors of the equations of SakanaAI/self-adaptive-llms (commit 03a41ae), in fp64 with numpy, from nothing of T2's: writes reference.json beside this file.

  utils.compose_new_params         W' = U diag(S mm) V^T * sum(S) / sum(S mm)
  policy.Policy.get_mask           mm = bf16(bf16(sigmoid(p)) * max_mult), its number format kept
  policy.WeightedCombination       c = a / sum(a) over experts, sum_k c_k v_k; v_k are the effective vectors, as the paper writes it (the code mixes raw logits)
  optim_modules.CEM                elites, mean, standard deviation (n - 1), moving average, clamp, best competes anew

The normal numbers of the search are T2's own (splitmix64 over an address, then Box and Muller), written down a second time here.

usage: python3 tests/golden/make.py
"""
import json
import math
import pathlib

import numpy as np


def bf16(values):
    """Nearest number with 8 significant bits, ties to even."""
    fraction, exponent = np.frexp(np.asarray(values, dtype=np.float64))
    return np.ldexp(np.rint(fraction * 256) / 256, exponent)


def mask(p, max_mult):
    return bf16(bf16(1 / (1 + np.exp(-p))) * np.float32(max_mult))


def orthonormal(rng, rows, columns):
    return np.linalg.qr(rng.standard_normal((rows, columns)))[0]


def rebuild(rng, m, n, max_mult):
    rank = min(m, n)
    u, v = orthonormal(rng, m, rank), orthonormal(rng, n, rank)
    s = np.sort(rng.uniform(0.5, 9, rank))[::-1]
    p = bf16(0.1 + 0.8 * rng.standard_normal(rank))
    mm = mask(p, max_mult)
    ratio = s.sum() / (s * mm).sum()
    return {
        "rows": m,
        "columns": n,
        "max_mult": max_mult,
        "logits": p.tolist(),
        "singular_values": s.tolist(),
        "weight": (u @ np.diag(s) @ v.T).ravel().tolist(),
        "effective": (mm * ratio).tolist(),
        "rebuilt": ((u @ np.diag(s * mm) @ v.T) * ratio).ravel().tolist(),
    }


def mixture(rng, experts, rank):
    s = np.sort(rng.uniform(0.5, 9, rank))[::-1]
    logits = bf16(0.1 + 0.8 * rng.standard_normal((experts, rank)))
    masks = np.array([mask(p, 1) for p in logits])
    effective = np.array([mm * s.sum() / (s * mm).sum() for mm in masks])
    shares = rng.uniform(0, 1, experts)
    return {
        "singular_values": s.tolist(),
        "logits": logits.tolist(),
        "shares": shares.tolist(),
        "mixed": ((shares / shares.sum()) @ effective).tolist(),
    }


MASK64 = (1 << 64) - 1


def mix64(value):
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK64
    return value ^ (value >> 31)


def normal(seed, generation, candidate, coordinate):
    golden = 0x9E3779B97F4A7C15
    address = mix64((seed + golden) & MASK64)
    address = mix64(address ^ (generation << 32 | candidate))
    address = mix64((address + golden * (coordinate + 1)) & MASK64)
    first = (mix64((address + golden) & MASK64) >> 11) / 2**53
    second = (mix64((address + 2 * golden) & MASK64) >> 11) / 2**53
    return math.sqrt(-2 * math.log(1 - first)) * math.cos(2 * math.pi * second)


def search(seed, ema, generations):
    pop_size, elite_ratio, low, high, dimensions = 32, 0.2, 0.0, 1.0, 4
    target = np.array([0.9, 0.1, 0.4, 0.75])
    elites = int(elite_ratio * pop_size)
    mean = np.full(dimensions, 1 / dimensions)
    best = mean.copy()
    deviation = np.full(dimensions, (high - low) / 2)
    steps = []
    for generation in range(generations):
        noise = np.array([[normal(seed, generation, c, d) for d in range(dimensions)] for c in range(pop_size)])
        population = np.clip(noise * deviation + mean, low, high)
        population[0] = best
        fitness = -((population - target) ** 2).sum(axis=1)
        chosen = population[np.argpartition(fitness, -elites)[-elites:]]
        best = population[np.argmax(fitness)].copy()
        mean = chosen.mean(axis=0) * (1 - ema) + ema * mean
        deviation = chosen.std(axis=0, ddof=1) * (1 - ema) + ema * deviation
        steps.append({"fitness": fitness.tolist(), "best": best.tolist(), "mean": mean.tolist(), "deviation": deviation.tolist()})
    return {
        "seed": seed, "ema": ema, "population": pop_size, "elites": elites, "minimum": low, "maximum": high,
        "start": [1 / dimensions] * dimensions, "start_deviation": [(high - low) / 2] * dimensions, "target": target.tolist(), "generations": steps,
    }


def main():
    rng = np.random.default_rng(20250114)
    golden = {
        "rebuild": [rebuild(rng, 6, 4, 1), rebuild(rng, 4, 7, 1), rebuild(rng, 5, 5, 1.5), rebuild(rng, 33, 17, 1)],
        "mixture": [mixture(rng, 3, 8), mixture(rng, 5, 4)],
        "search": [search(3, 0.0, 4), search(11, 0.3, 4)],
    }
    groups = (f'"{name}": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]" for name, cases in golden.items())
    pathlib.Path(__file__).with_name("reference.json").write_text("{\n" + ",\n".join(groups) + "\n}\n")


if __name__ == "__main__":
    main()
