"""The papers that docstrings cite by authors and year, with their titles; NAS: neural architecture search."""

from collections.abc import Iterable, Mapping

from generated_pages.text import papers

#: Citation -> title, and where it appeared; several where a year holds several.
TITLES: Mapping[str, tuple[str, ...]] = {
    "Abdelfattah et al. 2021": ("Zero-Cost Proxies for Lightweight NAS. ICLR",),
    "Akiba et al. 2019": ("Optuna: A Next-generation Hyperparameter Optimization Framework. KDD",),
    "Akimoto et al. 2019": ("Adaptive Stochastic Natural Gradient Method for One-Shot NAS. ICML",),
    "Awad et al. 2021": (
        "DEHB: Evolutionary Hyperband for Scalable, Robust and Efficient Hyperparameter Optimization. IJCAI",
    ),
    "Bergstra & Bengio 2012": ("Random Search for Hyper-Parameter Optimization. JMLR",),
    "Bergstra et al. 2011": ("Algorithms for Hyper-Parameter Optimization. NeurIPS",),
    "Cai et al. 2019": ("ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware. ICLR",),
    "Chen et al. 2019": ("Progressive Differentiable Architecture Search (P-DARTS). ICCV",),
    "Chu et al. 2021": ("FairNAS: Rethinking Evaluation Fairness of Weight Sharing NAS. ICCV",),
    "Deb & Jain 2014": ("An Evolutionary Many-Objective Optimization Algorithm (NSGA-III). IEEE TEVC",),
    "Deb et al. 2002": ("A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II. IEEE TEVC",),
    "Den Ottelander et al. 2021": ("Local Search is a Remarkably Strong Baseline for NAS. EMO",),
    "Dong & Yang 2019": ("Searching for a Robust Neural Architecture in Four GPU Hours (GDAS). CVPR",),
    "Dong & Yang 2020": ("NAS-Bench-201: Extending the Scope of Reproducible NAS. ICLR",),
    "Guo et al. 2020": ("Single Path One-Shot Neural Architecture Search with Uniform Sampling. ECCV",),
    "Hansen & Ostermeier 2001": (
        "Completely Derandomized Self-Adaptation in Evolution Strategies (CMA-ES). Evolutionary Computation",
    ),
    "Jamieson & Talwalkar 2016": (
        "Non-stochastic Best Arm Identification and Hyperparameter Optimization. AISTATS",
    ),
    "Kandasamy et al. 2018": ("NAS with Bayesian Optimisation and Optimal Transport (NASBOT). NeurIPS",),
    "Knowles 2006": ("ParEGO: A Hybrid Algorithm with On-Line Landscape Approximation. IEEE TEVC",),
    "Lee et al. 2019": ("SNIP: Single-shot Network Pruning based on Connection Sensitivity. ICLR",),
    "Li et al. 2018": ("Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization. JMLR",),
    "Li et al. 2020": ("A System for Massively Parallel Hyperparameter Tuning (ASHA). MLSys",),
    "Liang et al. 2019": ("DARTS+: Improved Differentiable Architecture Search with Early Stopping. arXiv",),
    "Lin et al. 2021": ("Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition. ICCV",),
    "Liu et al. 2018": ("Progressive Neural Architecture Search. ECCV",),
    "Liu et al. 2019": ("DARTS: Differentiable Architecture Search. ICLR",),
    "Mellor et al. 2020": ("Neural Architecture Search without Training. arXiv, first version",),
    "Mellor et al. 2021": ("Neural Architecture Search without Training. ICML",),
    "Ozaki et al. 2022": ("Multiobjective Tree-Structured Parzen Estimator. JAIR",),
    "Pham et al. 2018": ("Efficient Neural Architecture Search via Parameter Sharing (ENAS). ICML",),
    "Real et al. 2019": ("Regularized Evolution for Image Classifier Architecture Search. AAAI",),
    "Ru et al. 2021": ("Interpretable NAS via Bayesian Optimisation with Weisfeiler-Lehman Kernels. ICLR",),
    "Su et al. 2021": ("Prioritized Architecture Sampling with Monte-Carlo Tree Search. CVPR",),
    "Sutton & Barto 2018": ("Reinforcement Learning: An Introduction. MIT Press",),
    "Tan et al. 2019": ("MnasNet: Platform-Aware Neural Architecture Search for Mobile. CVPR",),
    "Tanaka et al. 2020": (
        "Pruning Neural Networks without Any Data by Iteratively Conserving Synaptic Flow. NeurIPS",
    ),
    "Turner et al. 2020": (
        "BlockSwap: Fisher-guided Block Substitution for Network Compression on a Budget. ICLR",
    ),
    "Wang et al. 2020": (
        "Picking Winning Tickets Before Training by Preserving Gradient Flow (GraSP). ICLR",
    ),
    "Wang et al. 2021": ("Rethinking Architecture Selection in Differentiable NAS. ICLR",),
    "Wei et al. 2022": ("NPENAS: Neural Predictor Guided Evolution for NAS. IEEE TNNLS",),
    "White et al. 2021": (
        "Exploring the Loss Landscape in Neural Architecture Search. UAI (local search)",
        "BANANAS: Bayesian Optimization with Neural Architectures for NAS. AAAI",
    ),
    "Xu et al. 2020": (
        "PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search. ICLR",
    ),
    "Ying et al. 2019": ("NAS-Bench-101: Towards Reproducible Neural Architecture Search. ICML",),
    "Yu & Huang 2019": ("Universally Slimmable Networks and Improved Training Techniques. ICCV",),
    "Yu et al. 2020": ("BigNAS: Scaling Up NAS with Big Single-Stage Models. ECCV",),
    "Zoph & Le 2017": ("Neural Architecture Search with Reinforcement Learning. ICLR",),
    "Zoph et al. 2018": ("Learning Transferable Architectures for Scalable Image Recognition. CVPR",),
}


def listed(texts: Iterable[str]) -> str:
    """A section with everything that the texts cite and that has a title here."""
    cited = sorted({one for text in texts for one in papers(text) if one in TITLES})
    lines = [f"- {one}. {title}." for one in cited for title in TITLES[one]]
    return "\n".join(["\n## Papers\n", *lines]) if lines else ""
