"""Training steps in PyTorch on the CPU: the other side of `T2.Bench train-step`, same model, same batch, same optimiser.

Usage: train_step.py FOLDER TRAIN THREADS STEPS WARMUP, with FOLDER/step.json, weights.bin and tokens.bin as the benchmark wrote them. TRAIN is full, svf or
lora. Prints one line of JSON. The model is plain torch: SVF as the Transformer-squared reference does it (W' = U diag(sigma z) V^T composed in every step).
"""
import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F


def peak_mib():
    # Not getrusage: its maximum starts at the parent's size.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def main():
    folder, train, threads, steps, warmup = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    imported = peak_mib()
    with open(folder + "/step.json") as file:
        s = json.load(file)
    flat = np.fromfile(folder + "/weights.bin", dtype=np.float32)
    weights, at = {}, 0
    for tensor in s["tensors"]:
        shape = tensor["shape"]
        size = int(np.prod(shape))
        weights[tensor["name"]] = torch.from_numpy(flat[at:at + size].reshape(shape).copy())
        at += size
    tokens = torch.from_numpy(np.fromfile(folder + "/tokens.bin", dtype=np.int32).reshape(s["sequences"], s["length"] + 1).astype(np.int64))
    inputs, targets = tokens[:, :-1], tokens[:, 1:].reshape(-1)
    sequences, length, heads, kv_heads, size = s["sequences"], s["length"], s["heads"], s["kv_heads"], s["head_size"]

    adapted = [name for name in weights if name.startswith("blk.") and weights[name].dim() == 2]
    parts, parameters = {}, []
    if train == "full":
        for name in weights:
            weights[name].requires_grad_(True)
        parameters = list(weights.values())
    elif train == "svf":
        for name in adapted:
            u, sigma, v = torch.linalg.svd(weights[name], full_matrices=False)
            z = torch.ones_like(sigma, requires_grad=True)
            parts[name] = (u, sigma, v, z)
            parameters.append(z)
    else:
        for name in adapted:
            if "attn_q" in name or "attn_v" in name:
                a = ((torch.rand(16, weights[name].shape[1]) * 2 - 1) / weights[name].shape[1] ** 0.5).requires_grad_(True)
                b = torch.zeros(weights[name].shape[0], 16, requires_grad=True)
                parts[name] = (a, b)
                parameters += [a, b]

    def linear(x, name):
        if name not in parts:
            return F.linear(x, weights[name])
        if train == "svf":
            u, sigma, v, z = parts[name]
            return F.linear(x, (u * (sigma * z)) @ v)
        a, b = parts[name]
        return F.linear(x, weights[name]) + 2 * F.linear(F.linear(x, a), b)

    def norm(x, name):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + s["epsilon"]) * weights[name]

    angles = torch.arange(length, dtype=torch.float64)[:, None] * s["rope_base"] ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    cos, sin = angles.cos().float(), angles.sin().float()

    def rotate(x):  # batch, head, position, pair
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)

    mask = torch.full((length, length), float("-inf")).triu(1)

    def split(x, count):
        return x.view(sequences, length, count, size).transpose(1, 2)

    def loss_of_batch():
        x = weights["token_embd.weight"][inputs]
        for layer in range(s["layers"]):
            block = f"blk.{layer}."
            y = norm(x, block + "attn_norm.weight")
            q, k, v = (split(linear(y, block + f"attn_{part}.weight"), count) for part, count in (("q", heads), ("k", kv_heads), ("v", kv_heads)))
            q, k = rotate(q), rotate(k)
            k, v = k.repeat_interleave(heads // kv_heads, 1), v.repeat_interleave(heads // kv_heads, 1)
            y = ((q @ k.transpose(2, 3)) * size ** -0.5 + mask).softmax(-1) @ v
            x = x + linear(y.transpose(1, 2).reshape(sequences, length, heads * size), block + "attn_output.weight")
            y = norm(x, block + "ffn_norm.weight")
            x = x + linear(F.silu(linear(y, block + "ffn_gate.weight")) * linear(y, block + "ffn_up.weight"), block + "ffn_down.weight")
        logits = F.linear(norm(x, "output_norm.weight"), weights["token_embd.weight"])
        return F.cross_entropy(logits.view(-1, s["vocabulary"]), targets)

    optimiser = torch.optim.AdamW(parameters, lr=s["rate"], betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    losses, seconds, processor = [], [], []
    for step in range(warmup + steps):
        start, busy = time.perf_counter(), time.process_time()
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of_batch()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        losses.append(loss.item())
        if step >= warmup:
            seconds.append(time.perf_counter() - start)
            processor.append(time.process_time() - busy)
    print(json.dumps({"version": torch.__version__, "threads": threads, "losses": losses, "seconds": seconds, "processor_seconds": processor, "peak_mib": peak_mib(), "import_mib": imported,
                      "parameters": sum(p.numel() for p in parameters)}))


main()
