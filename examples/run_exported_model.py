"""Write code with an exported model, with neither sugata nor torch: give its folder and a beginning."""

import sys

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

folder, prompt = sys.argv[1:3]
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
session = onnxruntime.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"])
tokens = [tokenizer.token_to_id("<|endoftext|>"), *tokenizer.encode(prompt).ids]
for _ in range(40):
    logits = session.run(["logits"], {"tokens": np.array([tokens], np.int64)})[0]
    tokens.append(int(logits[0, -1].argmax()))
print(tokenizer.decode(tokens))
