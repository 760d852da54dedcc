#!/usr/bin/env python3
"""Writes a tiny model of the Llama architecture with random weights, and its tokenizer, as vLLM loads them:
model.py FOLDER

The tokenizer is trained on this repository's own text and knows all bytes, so the model reads any text. The model makes
no sense, but the tokens that it never samples are fixed:

- dimension 0 of the residual stream is 1 for every token and no layer changes it, so the last norm leaves it near 1;
- the output row of the end token has END_LOGIT there, the rows of other special tokens and of white space have NEVER,
  and all of these have 0 elsewhere; the rows of all other tokens have 0 there.

At temperature 0 the model does not stop by itself, because the largest of thousands of random logits exceeds that of
the end token. At temperature 1 it stops after some hundred tokens, which a coding agent needs. It samples white space
only if a grammar allows nothing else, because otherwise it would fill the JSON of a tool call with white space.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy
import safetensors.numpy
import tokenizers
import transformers

ROOT = Path(__file__).resolve().parents[2]
SEED = 20261128
# Room for a coding agent's prompt and for the 32,000 tokens that it requests.
CONTEXT_TOKENS = 131072
VOCABULARY = 4096
# The standard deviation of the random logits of most tokens.
DEVIATION = 3
END_LOGIT = 7.5
NEVER = -1000
SPECIAL = ["<|begin|>", "<|message|>", "<|end|>"]
BEGIN, MESSAGE, END = SPECIAL
TEMPLATE = (
    "<|begin|>{% if tools %}{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}{% endif %}"
    "{% for message in messages %}<|message|>{{ message['role'] }}: "
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% elif message['content'] %}{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{% endif %}"
    "{% if message['tool_calls'] %}{% for call in message['tool_calls'] %}{{ call | tojson }}{% endfor %}{% endif %}"
    "\n{% endfor %}{% if add_generation_prompt %}<|message|>assistant: {% endif %}"
)


@dataclass(frozen=True)
class Shape:
    """What decides how long the engine computes."""

    dimensions: int
    heads: int
    head_dimensions: int
    feed_forward: int
    layers: int


TINY = Shape(dimensions=64, heads=2, head_dimensions=32, feed_forward=128, layers=1)


def write_tokenizer(folder: Path) -> list[int]:
    """Trains a byte-level BPE tokenizer, the same for the same text; returns the ids of special tokens and of white
    space.
    """
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    texts = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    model.train_from_iterator((text.read_text() for text in texts), trainer)
    if model.get_vocab_size() != VOCABULARY:
        raise SystemExit(f"model.py: the text gives {model.get_vocab_size()} tokens in place of {VOCABULARY}")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=model, bos_token=BEGIN, eos_token=END, pad_token=END, chat_template=TEMPLATE,
        model_max_length=CONTEXT_TOKENS, clean_up_tokenization_spaces=False)
    tokenizer.save_pretrained(folder)
    return [token for token in range(VOCABULARY) if token < len(SPECIAL) or not tokenizer.decode([token]).strip()]


def weights(unsaid: list[int], shape: Shape) -> dict[str, numpy.ndarray]:
    """All tensors, in float32; a matrix has the shape (outputs, inputs). Tokens in `unsaid` are never sampled."""
    # The random stream of RandomState never changes between numpy versions; that of default_rng may.
    random = numpy.random.RandomState(SEED)

    def matrix(outputs: int, inputs: int) -> numpy.ndarray:
        return (random.standard_normal((outputs, inputs)) / inputs**0.5).astype(numpy.float32)

    def norm() -> numpy.ndarray:
        return numpy.ones(shape.dimensions, dtype=numpy.float32)

    embedding = random.standard_normal((VOCABULARY, shape.dimensions)).astype(numpy.float32)
    embedding[:, 0] = 1
    tensors = {"model.embed_tokens.weight": embedding, "model.norm.weight": norm()}
    for layer in range(shape.layers):
        inner = shape.heads * shape.head_dimensions
        shapes = {
            "self_attn.q_proj": (inner, shape.dimensions), "self_attn.k_proj": (inner, shape.dimensions),
            "self_attn.v_proj": (inner, shape.dimensions), "self_attn.o_proj": (shape.dimensions, inner),
            "mlp.gate_proj": (shape.feed_forward, shape.dimensions),
            "mlp.up_proj": (shape.feed_forward, shape.dimensions),
            "mlp.down_proj": (shape.dimensions, shape.feed_forward),
        }
        for name, (outputs, inputs) in shapes.items():
            tensor = matrix(outputs, inputs)
            if name in ("self_attn.o_proj", "mlp.down_proj"):
                tensor[0] = 0
            tensors[f"model.layers.{layer}.{name}.weight"] = tensor
        tensors[f"model.layers.{layer}.input_layernorm.weight"] = norm()
        tensors[f"model.layers.{layer}.post_attention_layernorm.weight"] = norm()
    output = matrix(VOCABULARY, shape.dimensions) * DEVIATION
    output[:, 0] = 0
    output[unsaid] = 0
    output[unsaid, 0] = NEVER
    output[SPECIAL.index(END)] = 0
    output[SPECIAL.index(END), 0] = END_LOGIT
    tensors["lm_head.weight"] = output
    return tensors


def write(folder: Path, shape: Shape = TINY) -> None:
    """Writes configuration, tokenizer and weights."""
    folder.mkdir()
    unsaid = write_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float32",
        "vocab_size": VOCABULARY, "hidden_size": shape.dimensions, "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads, "num_key_value_heads": shape.heads,
        "head_dim": shape.head_dimensions, "hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "max_position_embeddings": CONTEXT_TOKENS, "tie_word_embeddings": False,
        "bos_token_id": SPECIAL.index(BEGIN), "eos_token_id": SPECIAL.index(END),
    }))
    safetensors.numpy.save_file(weights(unsaid, shape), folder / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    write(Path(sys.argv[1]))
