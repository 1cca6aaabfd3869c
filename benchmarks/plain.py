"""What anybody would write first: load the model, the vectors and the texts, and look.

python benchmarks/plain.py MODEL FOLDER QUERY
"""

import json
import sys
from pathlib import Path
from typing import Any

import faiss
from sentence_transformers import SentenceTransformer

model, folder, query = sys.argv[1:]
index: Any = faiss.read_index(f"{folder}/vectors.faiss")
texts = json.loads(Path(folder, "texts.json").read_bytes())
embedder: Any = SentenceTransformer(model, device="cpu", local_files_only=True)
scores, rows = index.search(embedder.encode([query], normalize_embeddings=True), 5)
for score, row in zip(scores[0], rows[0], strict=True):
    print(f"{score:.3f}  {texts[row][:200]}")
