"""The few words of the tables that `method_docs` makes, in both languages."""

from __future__ import annotations

from kohya_like.method_cells import BOTH_ENCODERS, NO_PRESET_FOR_A_TOOL, SD1_ONLY, WORD_INSIDE

LANGUAGES = {"en": "methods.md", "zh_CN": "methods.zh-CN.md"}

# Reasons of method_cells; the others are those of the networks.
REASONS = {
    NO_PRESET_FOR_A_TOOL: {"zh_CN": "事先不需要训练：`./run.sh aesthetic` 几秒钟就做好嵌入"},
    SD1_ONLY: {
        "zh_CN": "A1111 的扩展只认识 SD 1 的文本编码器；本程序会调整与图像编码器配套的那一个文本编码器",
    },
    WORD_INSIDE: {"zh_CN": "文件里带着新词，它因此拒绝整个文件；旁边那个词的 `.pt` **已验证**"},
    BOTH_ENCODERS: {"zh_CN": "SDXL 的文件里有两个文本编码器的向量，要分两次交给它"},
}

METHODS: dict[str, dict[str, str]] = {
    "en": {
        "network": "Network (LoRA and the other kinds)",
        "dreambooth": "DreamBooth (all weights)",
        "dreambooth_lora": "DreamBooth (LoRA)",
        "finetune": "Native fine-tune",
        "textual_inversion": "Textual Inversion",
        "dreamartist": "DreamArtist",
        "pivotal": "Pivotal tuning",
        "hypernetwork": "Hypernetwork",
        "aesthetic": "Aesthetic gradients",
    },
    "zh_CN": {
        "network": "网络（LoRA 等各种）",
        "dreambooth": "DreamBooth（全部权重）",
        "dreambooth_lora": "DreamBooth（LoRA）",
        "finetune": "原生微调",
        "textual_inversion": "文本反转（Textual Inversion）",
        "dreamartist": "DreamArtist",
        "pivotal": "Pivotal 调优",
        "hypernetwork": "超网络",
        "aesthetic": "美学梯度",
    },
}

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "method": "Method",
        "read": "✓ read by others",
        "ours": "✓ ours only {}",
        "hole": "– {}",
        "preset": "preset",
        "no_preset": "no preset {}",
        "comma": ", ",
        "this program": "this program",
        "checked": "**checked**",
        "rules": "in its source; our tests apply its loader's rules",
        "source": "in its source",
        "names": "by the names in the file",
        "unchecked": "not checked",
        "no": "no",
        "steps": "Steps x pictures",
        "ghost": "Unseen pictures of the subject",
        "other": "Everything else",
        "found": "Drawn, of 8",
        "score": "Template score",
        "parameters": "Numbers that learn",
        "bytes": "File",
        "seconds": "Time",
        "peak": "Peak memory",
        "where": "Measured on {}.",
        "no_figures": "They are not measured yet: `python -m benchmarks.methods` does it.",
        "picture": "The same prompts, drawn with each method",
        "no_picture": "The picture is made with the figures.",
        "end": ".",
    },
    "zh_CN": {
        "method": "方法",
        "read": "✓ 其他程序也能读",
        "ours": "✓ 只有本程序能读 {}",
        "hole": "– {}",
        "preset": "预设",
        "no_preset": "没有预设 {}",
        "comma": "，",
        "this program": "本程序",
        "checked": "**已验证**",
        "rules": "源码支持；我们的测试按它的加载规则检查",
        "source": "源码支持",
        "names": "按文件里的名称",
        "unchecked": "未验证",
        "no": "不行",
        "steps": "步数 x 图片",
        "ghost": "没见过的对象图片",
        "other": "其他一切",
        "found": "8 张中画出",
        "score": "模板得分",
        "parameters": "可学的参数",
        "bytes": "文件",
        "seconds": "时间",
        "peak": "内存峰值",
        "where": "测量条件：{}。",
        "no_figures": "还没有测量：运行 `python -m benchmarks.methods` 即可。",
        "picture": "同样的提示词，每种方法各画一行",
        "no_picture": "图片与数据一起生成。",
        "end": "。",
    },
}
