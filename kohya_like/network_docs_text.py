"""The few words of the tables that `network_docs` makes, in both languages."""

from __future__ import annotations

LANGUAGES = {"en": "networks.md", "zh_CN": "networks.zh-CN.md"}
MODEL_LABELS = {"sd15": "SD 1.5", "sd21-v": "SD 2.1 (v)", "sdxl": "SDXL"}

# Why a method has no preset for a family (example_presets.NOT_MADE).
REASONS = {
    "it would train two thousand million numbers, more than any card at home holds": {
        "zh_CN": "要训练二十亿个数，家用显卡都放不下",
    },
    "hypernetworks are there for A1111, where they are made for SD 1 and SD 2": {
        "zh_CN": "超网络是给 A1111 用的，那里只有 SD 1 和 SD 2 的超网络",
    },
}

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "recipe": "Method",
        "layers": "{} layers",
        "nets": "{} nets",
        "kind": "`network.name`",
        "linear": "linear",
        "conv1x1": "1x1 convolution",
        "conv3x3": "3x3 convolution",
        "layernorm": "layer norm",
        "groupnorm": "group norm",
        "contexts": "contexts",
        "mergeable": "can be merged",
        "invertible": "can be taken out again",
        "conv_dim": "own size for convolutions",
        "use_tucker": "Tucker core",
        "dora_wd": "DoRA",
        "rs_lora": "rs-LoRA",
        "use_scalar": "learned scalar",
        "loraplus_lr_ratio": "LoRA+",
        "scale_weight_norms": "norm limit",
        "not_with": "not with {} {}",
        "frozen": "stored but not trained",
        "told": "a file tells",
        "untold": "a file does not tell",
        "all_learn": "nothing: all learns",
        "nothing": "nothing is missing",
        "step": "step, times LoRA's",
        "peak": "peak memory",
        "share": "peak, times LoRA's",
        "no_figures": "The figures are in [benchmarks/README.md](../benchmarks/README.md).",
        "where": "Measured on {}, torch {}, SD 1.5 at full size, fp32, batch 1, {} px, one thread; processor time. All "
        "figures, also beside LyCORIS: [benchmarks/README.md](../benchmarks/README.md).",
        "comma": ", ",
        "end": ".",
    },
    "zh_CN": {
        "recipe": "方法",
        "layers": "{} 层",
        "nets": "{} 个网络",
        "kind": "`network.name`",
        "linear": "线性层",
        "conv1x1": "1x1 卷积",
        "conv3x3": "3x3 卷积",
        "layernorm": "层归一化",
        "groupnorm": "组归一化",
        "contexts": "上下文",
        "mergeable": "能合并",
        "invertible": "合并后能再取出",
        "conv_dim": "卷积另设大小",
        "use_tucker": "Tucker 核",
        "dora_wd": "DoRA",
        "rs_lora": "rs-LoRA",
        "use_scalar": "可学系数",
        "loraplus_lr_ratio": "LoRA+",
        "scale_weight_norms": "范数上限",
        "not_with": "与 {} 同用时不行 {}",
        "frozen": "保存但不训练的参数",
        "told": "文件里能读出",
        "untold": "文件里读不出",
        "all_learn": "没有，全部都学",
        "nothing": "没有缺的",
        "step": "每步耗时（LoRA = 1）",
        "peak": "内存峰值",
        "share": "内存峰值（LoRA = 1）",
        "no_figures": "数据见 [benchmarks/README.md](../benchmarks/README.md)。",
        "where": "测量条件：{}，torch {}，完整大小的 SD 1.5，fp32，批量 1，{} 像素，单线程；按处理器时间计。"
        "全部数据（包括与 LyCORIS 的对比）见 [benchmarks/README.md](../benchmarks/README.md)。",
        "comma": "，",
        "end": "。",
    },
}
