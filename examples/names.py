"""Tell from its letters which language a surname comes from: a network reads them one by one.

python examples/names.py         needs a plugin: pip install plugnet-recurrent
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array

LENGTH = 14  # letters; a shorter name is filled up with the id 0


def read() -> tuple[list[str], Array, list[str]]:
    """Return all names, the number of each one's language, and the languages."""
    lines = Path(__file__).with_name("names.txt").read_text().splitlines()
    pairs = [(name, line.split(":")[0]) for line in lines for name in line.split(":")[1].split()]
    languages = sorted({language for _, language in pairs})
    labels = np.array([languages.index(language) for _, language in pairs])
    return [name for name, _ in pairs], labels, languages


def encode(names: list[str]) -> Array:
    """Return names as ids, ``(N, LENGTH)``: a is 1, z is 26."""
    ids = np.zeros((len(names), LENGTH), np.uint8)
    for row, name in zip(ids, names, strict=True):
        row[: len(name)] = [ord(letter) - ord("a") + 1 for letter in name.lower()]
    return ids


def show(trainer: Trainer, names: list[str], languages: list[str]) -> None:
    """Print how sure the network is of each language."""
    print(f"\n{'':12}" + "".join(f"{language:>10}" for language in languages))
    chances = trainer.loss.probabilities(trainer.network.predict(encode(names)))
    assert chances is not None  # those of softmax_with_loss
    for name, row in zip(names, chances, strict=True):
        print(f"{name:12}" + "".join(f"{chance:10.0%}" for chance in row))


def main(iterations: int = 300) -> float:
    """Train on three names of four, and return the accuracy on the others."""
    names, labels, languages = read()
    x = encode(names)
    held_out = np.arange(len(names)) % 4 == 3

    layers = [
        ("embedding", 27, 8),  # a vector for each letter, and zeros where there is none
        ("gru", 32, {"padding": True}),  # which it then does not read
        ("fc", 32, len(languages)),
    ]
    trainer = Trainer(
        Network(layers, input_shape=(LENGTH,)),
        optimizer="adam",
        policy=("fixed", 0.01),
        regularizer=("l2", 0.01),
        batch_size=50,
    )
    trainer.fit(x[~held_out], labels[~held_out], iterations)
    result = trainer.evaluate(x[held_out], labels[held_out])

    print(f"{len(names)} surnames. How sure the network is of others, and after each letter:")
    show(trainer, ["Fellini", "Kurosawa", "Kieslowski", "Raikkonen"], languages)
    show(trainer, ["Kubota"[:end] for end in range(1, 7)], languages)
    print(f"\naccuracy: {result['accuracy']:.4f}")
    return result["accuracy"]


if __name__ == "__main__":
    if "gru" in registry.layers.names():
        main()
    else:
        print("This example needs a plugin: pip install plugnet-recurrent")
