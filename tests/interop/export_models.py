#!/usr/bin/env python3
"""Exports small networks with both exporters of PyTorch, with what PyTorch itself makes of a batch.

For each network and exporter: FOLDER/NAME-EXPORTER.onnx, and FOLDER/NAME-EXPORTER.npz with the
inputs and outputs under the names of the ONNX graph, for `neurotool inspect --check`.
"""
import pathlib
import sys
import warnings

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F


class Mlp(nn.Module):
    shape = (1, 12, 12)

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(144, 32)
        self.norm = nn.BatchNorm1d(32)
        self.out = nn.Linear(32, 10)

    def forward(self, x):
        x = x.view(x.size(0), -1)
        return self.out(torch.clamp(self.norm(self.hidden(x)), min=0))


class Cnn(nn.Module):
    shape = (3, 16, 16)

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3, padding="same", groups=4)
        self.conv3 = nn.Conv2d(16, 16, 3, padding=2, dilation=2, bias=False)
        self.out = nn.Linear(16 * 16, 10)

    def forward(self, x):
        x = F.avg_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu6(self.conv2(x)), 2)
        x = F.leaky_relu(self.conv3(x), 0.1)
        return self.out(torch.flatten(F.dropout(x, 0.5, self.training), 1))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.skip = nn.Identity() if stride == 1 else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.skip(x))


class ResNet(nn.Module):
    shape = (3, 16, 16)

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.Sequential(Block(8, 8, 1), Block(8, 16, 2), Block(16, 16, 1))
        self.out = nn.Linear(16, 10)

    def forward(self, x):
        x = self.blocks(F.relu(self.stem(x)))
        return self.out(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        x = F.scaled_dot_product_attention(q, k, v)
        return self.out(x.transpose(1, 2).reshape(batch, tokens, width))


class Encoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, 2)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    shape = (3, 16, 16)

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 24, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 24))
        self.position = nn.Parameter(torch.randn(1, 17, 24))
        self.encoders = nn.Sequential(Encoder(24), Encoder(24))
        self.norm = nn.LayerNorm(24)
        self.out = nn.Linear(24, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.size(0), -1, -1), x], 1) + self.position
        return self.out(self.norm(self.encoders(x))[:, 0]).softmax(-1)


def settle(model, generator):
    """Statistics as training leaves them: not 0 and 1."""
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.copy_(torch.randn(module.num_features, generator=generator) * 0.2)
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
            module.weight.data.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
            module.bias.data.copy_(torch.randn(module.num_features, generator=generator) * 0.2)


def export(model, sample, path, exporter):
    # A batch of 2 that may be of any size: an extent of 1 would be taken as fixed.
    if exporter == "classic":
        torch.onnx.export(model, (sample,), path, dynamo=False, opset_version=17,
                          input_names=["input"], output_names=["output"],
                          dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}})
    else:
        torch.onnx.export(model, (sample,), path, dynamo=True, input_names=["input"],
                          output_names=["output"],
                          dynamic_shapes=({0: torch.export.Dim("batch")},))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    print("torch", torch.__version__, "onnx", onnx.__version__)
    for kind in (Mlp, Cnn, ResNet, Vit):
        torch.manual_seed(7)
        generator = torch.Generator().manual_seed(7)
        model = kind().eval()
        with torch.no_grad():
            settle(model, generator)
            sample = torch.randn(2, *kind.shape, generator=generator)
            batch = torch.randn(5, *kind.shape, generator=generator)
            expected = model(batch)
        for exporter in ("classic", "dynamo"):
            stem = folder / f"{kind.__name__.lower()}-{exporter}"
            export(model, sample, f"{stem}.onnx", exporter)
            proto = onnx.load(f"{stem}.onnx", load_external_data=False)
            opset = next(o.version for o in proto.opset_import if o.domain in ("", "ai.onnx"))
            print(f"{stem.name}: IR {proto.ir_version}, opset {opset}, {len(proto.graph.node)} nodes, "
                  f"{len(proto.functions)} functions")
            np.savez(f"{stem}.npz", **{proto.graph.input[0].name: batch.numpy(),
                                       proto.graph.output[0].name: expected.numpy()})


if __name__ == "__main__":
    main()
