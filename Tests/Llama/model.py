#!/usr/bin/env python3
"""Writes a tiny model of the Llama architecture with random weights, as a GGUF file: model.py FILE

The file has the same bytes each time. The model makes no sense, but it samples only readable words and never stops by
itself:
- dimension 0 of the residual stream is 1 for every token and no layer changes it, so the last norm leaves it
  positive;
- the output row of a word has 0 there, the rows of all other tokens have -1000 there and 0 elsewhere.

So the logits of the end token, of control tokens and of raw bytes are far below those of all words, at any
temperature. A prompt may hold any text: anything that is not a word is read as characters or bytes.
"""

import sys
from pathlib import Path

import gguf
import numpy

SEED = 20261124
CONTEXT_TOKENS = 32768
DIMENSIONS = 64
HEADS = 4
FEED_FORWARD = 128
LAYERS = 2
WORDS = """
    river stone light garden window morning paper silver cloud table horse winter music letter forest bridge summer
    candle mirror ocean village mountain pocket orange thunder blanket castle meadow lantern harbour kettle ladder
    marble needle pepper saddle timber velvet walnut anchor basket copper dragon engine feather guitar hammer island
    jacket kitten lemon market napkin oyster pencil quiver ribbon sailor tunnel violin wagon yellow zebra apple bottle
    carpet dinner evening flower ginger hunter insect jungle kernel library magnet nature onion planet rabbit school
    ticket uncle valley water almond button circle desert empire folder glacier honey iron journey kingdom lagoon
""".split()
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
SPACE = "\u2581"


def vocabulary() -> tuple[list[str], list[float], list[int]]:
    """Tokens, scores and types. Only words are ever sampled; they come last."""
    kind = gguf.TokenType
    rows = [("<unk>", kind.UNKNOWN), ("<s>", kind.CONTROL), ("</s>", kind.CONTROL)]
    rows += [(f"<0x{byte:02X}>", kind.BYTE) for byte in range(256)]
    rows += [(chr(code), kind.NORMAL) for code in range(0x21, 0x7F)]
    rows += [(SPACE, kind.NORMAL)]
    rows += [(SPACE + word, kind.NORMAL) for word in WORDS]
    return [text for text, _ in rows], [-float(index) for index in range(len(rows))], [int(type) for _, type in rows]


def weights(tokens: list[str]) -> dict[str, numpy.ndarray]:
    """All tensors, in float32; a matrix has the shape (outputs, inputs)."""
    # RandomState gives the same numbers for a seed in every version of numpy; default_rng may not.
    random = numpy.random.RandomState(SEED)

    def matrix(outputs: int, inputs: int, scale: float) -> numpy.ndarray:
        return (random.standard_normal((outputs, inputs)) * scale / inputs**0.5).astype(numpy.float32)

    def norm() -> numpy.ndarray:
        return numpy.ones(DIMENSIONS, dtype=numpy.float32)

    embedding = random.standard_normal((len(tokens), DIMENSIONS)).astype(numpy.float32)
    embedding[:, 0] = 1
    tensors = {"token_embd.weight": embedding}
    for layer in range(LAYERS):
        shapes = {
            "attn_q": (DIMENSIONS, DIMENSIONS), "attn_k": (DIMENSIONS, DIMENSIONS), "attn_v": (DIMENSIONS, DIMENSIONS),
            "attn_output": (DIMENSIONS, DIMENSIONS), "ffn_gate": (FEED_FORWARD, DIMENSIONS),
            "ffn_up": (FEED_FORWARD, DIMENSIONS), "ffn_down": (DIMENSIONS, FEED_FORWARD),
        }
        for name, (outputs, inputs) in shapes.items():
            tensor = matrix(outputs, inputs, 2)
            if name in ("attn_output", "ffn_down"):
                tensor[0] = 0
            tensors[f"blk.{layer}.{name}.weight"] = tensor
        tensors[f"blk.{layer}.attn_norm.weight"] = norm()
        tensors[f"blk.{layer}.ffn_norm.weight"] = norm()
    tensors["output_norm.weight"] = norm()
    output = matrix(len(tokens), DIMENSIONS, 6)
    output[:, 0] = 0
    output[: len(tokens) - len(WORDS)] = 0
    output[: len(tokens) - len(WORDS), 0] = -1000
    tensors["output.weight"] = output
    return tensors


def write(path: Path) -> None:
    """Writes the file atomically."""
    tokens, scores, types = vocabulary()
    partial = path.with_suffix(".partial")
    writer = gguf.GGUFWriter(str(partial), "llama")
    writer.add_name("tiny-random")
    writer.add_vocab_size(len(tokens))
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(DIMENSIONS)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(DIMENSIONS // HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    # Mean pooling gives one vector per text, as OpenAI's API has it; without pooling there would be one per token.
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name, tensor in weights(tokens).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.rename(path)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
