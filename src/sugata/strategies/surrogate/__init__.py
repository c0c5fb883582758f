"""Surrogates of the evaluation: features of architectures, kernels, Gaussian processes.

From architectures to the next one: ``graph_features`` and ``choice_features`` say what is counted,
``features`` makes ``tables`` of it, ``kernels`` compares their rows, ``gaussian_process`` predicts with one
kernel, ``model_average`` with all of them, ``acquisition`` values predictions, ``candidates`` says where to
look, and ``guide`` puts these together for a strategy.
"""
