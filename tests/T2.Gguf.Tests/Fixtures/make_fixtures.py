"""Made the .pt files and expected.json beside it, with PyTorch 1.13.0 on CPU. Run again only to change them: python3 make_fixtures.py

Same classes and calls as the reference (SakanaAI/self-adaptive-llms): a Policy whose learnable_params dict and state_dict() are saved.
"""
import json
from collections import OrderedDict

import torch
import torch.nn as nn

torch.manual_seed(7)
names = [f"model.layers.{layer}.mlp.{matrix}_proj.weight" for layer in range(2) for matrix in ("gate", "up", "down")]


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.learnable_params = {
            name: nn.Parameter(data=torch.randn(6, dtype=torch.bfloat16) * 0.5 + 0.1, requires_grad=True) for name in names
        }
        self.learnable_params_list = list(self.learnable_params.values())
        self.trainable_params = self.learnable_params_list
        self.learnable_params_module_list = nn.ParameterList(self.learnable_params_list)


policy = Policy()
torch.save(policy.learnable_params, "learnable_params.pt")
torch.save(policy.state_dict(), "policy_params.pt")

base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
tensors = OrderedDict(
    f32=base,
    f16=base.half() / 8,
    f64=base.double() / 3,
    bf16=(base / 8).bfloat16(),
    transposed=base.t(),
    column=base[:, 1],
    tail=base.flatten()[8:],
    scalar=torch.tensor(2.5),
    empty=torch.zeros(0),
    expanded=torch.tensor([1.0, 2.0]).expand(3, 2),
)
torch.save(tensors, "tensors.pt")
torch.save(OrderedDict(counts=torch.arange(3)), "integers.pt")
torch.save(policy, "module.pt")


def mask(p, max_mult):
    return (torch.sigmoid(p.detach()).to(torch.bfloat16) * max_mult).float().tolist()


json.dump(
    {
        "logits": {name: p.detach().float().tolist() for name, p in policy.learnable_params.items()},
        "mask": {name: mask(p, 1) for name, p in policy.learnable_params.items()},
        "mask_max_mult_1.5": {name: mask(p, 1.5) for name, p in policy.learnable_params.items()},
        "mask_of_f32_times_3": {name: mask(p.float() * 3, 1) for name, p in policy.learnable_params.items()},
        "tensors": {name: value.float().flatten().tolist() for name, value in tensors.items()},
        "shapes": {name: list(value.shape) for name, value in tensors.items()},
    },
    open("expected.json", "w"),
    indent=1,
)
