"""The works that a methods text can cite, by their keys."""

from __future__ import annotations

from isoprune.methods.reference import Reference


def _article(
    authors: str, year: int, title: str, journal: str, volume: str, pages: str = "", doi: str = ""
) -> Reference:
    where = {"journal": journal, "volume": volume, "pages": pages, "doi": doi}
    return Reference("article", authors, year, title, {name: value for name, value in where.items() if value})


def _preprint(authors: str, year: int, title: str, arxiv: str) -> Reference:
    where = {"eprint": arxiv, "archivePrefix": "arXiv"}
    return Reference("misc", authors, year, title, where)


def _talk(authors: str, year: int, title: str, booktitle: str, pages: str = "", **more: str) -> Reference:
    where = {"booktitle": booktitle, "pages": pages, **more}
    return Reference(
        "inproceedings", authors, year, title, {name: value for name, value in where.items() if value}
    )


def _book(authors: str, year: int, title: str, publisher: str) -> Reference:
    return Reference("book", authors, year, title, {"publisher": publisher})


_CVPR = "Proceedings of the {IEEE} Conference on Computer Vision and Pattern Recognition"
_ICLR = "International Conference on Learning Representations"

REFERENCES = {
    # ---- the method ----
    "tarigopula2023": _article(
        "Tarigopula, Homa Priya and Fairhall, Scott Laurence and Bavaresco, Anna and Truong, Nhut and Hasson, Uri",
        2023,
        "Improved prediction of behavioral and neural similarity spaces using pruned {DNNs}",
        "Neural Networks",
        "168",
        "89--104",
    ),
    "kriegeskorte2008": _article(
        "Kriegeskorte, Nikolaus and Mur, Marieke and Bandettini, Peter",
        2008,
        "Representational similarity analysis -- connecting the branches of systems neuroscience",
        "Frontiers in Systems Neuroscience",
        "2",
        "4",
        "10.3389/neuro.06.004.2008",
    ),
    "peterson2018": _article(
        "Peterson, Joshua C. and Abbott, Joshua T. and Griffiths, Thomas L.",
        2018,
        "Evaluating (and improving) the correspondence between deep neural networks and human representations",
        "Cognitive Science",
        "42",
        "2648--2669",
        "10.1111/cogs.12670",
    ),
    "kaniuth2022": _article(
        "Kaniuth, Philipp and Hebart, Martin N.",
        2022,
        "Feature-reweighted representational similarity analysis: a method for improving the fit between computational "
        "models, brains, and behavior",
        "NeuroImage",
        "257",
        "119294",
        "10.1016/j.neuroimage.2022.119294",
    ),
    # ---- inference ----
    "phipson2010": _article(
        "Phipson, Belinda and Smyth, Gordon K.",
        2010,
        "Permutation {P}-values should never be zero: calculating exact {P}-values when permutations are randomly "
        "drawn",
        "Statistical Applications in Genetics and Molecular Biology",
        "9",
        "39",
        "10.2202/1544-6115.1585",
    ),
    "nichols2002": _article(
        "Nichols, Thomas E. and Holmes, Andrew P.",
        2002,
        "Nonparametric permutation tests for functional neuroimaging: a primer with examples",
        "Human Brain Mapping",
        "15",
        "1--25",
        "10.1002/hbm.1058",
    ),
    "westfall1993": _book(
        "Westfall, Peter H. and Young, S. Stanley",
        1993,
        "Resampling-based multiple testing: examples and methods for p-value adjustment",
        "Wiley",
    ),
    "nadeau2003": _article(
        "Nadeau, Claude and Bengio, Yoshua",
        2003,
        "Inference for the generalization error",
        "Machine Learning",
        "52",
        "239--281",
        "10.1023/A:1024068626366",
    ),
    "holm1979": _article(
        "Holm, Sture",
        1979,
        "A simple sequentially rejective multiple test procedure",
        "Scandinavian Journal of Statistics",
        "6",
        "65--70",
    ),
    "benjamini1995": _article(
        "Benjamini, Yoav and Hochberg, Yosef",
        1995,
        "Controlling the false discovery rate: a practical and powerful approach to multiple testing",
        "Journal of the Royal Statistical Society: Series B",
        "57",
        "289--300",
        "10.1111/j.2517-6161.1995.tb02031.x",
    ),
    "nili2014": _article(
        "Nili, Hamed and Wingfield, Cai and Walther, Alexander and Su, Li and Marslen-Wilson, William and "
        "Kriegeskorte, Nikolaus",
        2014,
        "A toolbox for representational similarity analysis",
        "PLoS Computational Biology",
        "10",
        "e1003553",
        "10.1371/journal.pcbi.1003553",
    ),
    "schutt2023": _article(
        'Sch{\\"u}tt, Heiko H. and Kipnis, Alexander D. and Diedrichsen, J{\\"o}rn and Kriegeskorte, Nikolaus',
        2023,
        "Statistical inference on representational geometries",
        "eLife",
        "12",
        "e82566",
        "10.7554/eLife.82566",
    ),
    "nogueira2018": _article(
        "Nogueira, Sarah and Sechidis, Konstantinos and Brown, Gavin",
        2018,
        "On the stability of feature selection algorithms",
        "Journal of Machine Learning Research",
        "18",
        "1--54",
    ),
    "simonsohn2020": _article(
        "Simonsohn, Uri and Simmons, Joseph P. and Nelson, Leif D.",
        2020,
        "Specification curve analysis",
        "Nature Human Behaviour",
        "4",
        "1208--1214",
        "10.1038/s41562-020-0912-z",
    ),
    "mcnemar1947": _article(
        "McNemar, Quinn",
        1947,
        "Note on the sampling error of the difference between correlated proportions or percentages",
        "Psychometrika",
        "12",
        "153--157",
        "10.1007/BF02295996",
    ),
    "kriegeskorte2009": _article(
        "Kriegeskorte, Nikolaus and Simmons, W. Kyle and Bellgowan, Patrick S. F. and Baker, Chris I.",
        2009,
        "Circular analysis in systems neuroscience: the dangers of double dipping",
        "Nature Neuroscience",
        "12",
        "535--540",
        "10.1038/nn.2303",
    ),
    "nimon2008": _article(
        "Nimon, Kim and Lewis, Mitzi and Kane, Richard and Haynes, R. Michael",
        2008,
        "An {R} package to compute commonality coefficients in the multiple regression case: an introduction to the "
        "package and a practical example",
        "Behavior Research Methods",
        "40",
        "457--466",
        "10.3758/BRM.40.2.457",
    ),
    # ---- patterns and judgments ----
    "walther2016": _article(
        "Walther, Alexander and Nili, Hamed and Ejaz, Naveed and Alink, Arjen and Kriegeskorte, Nikolaus and "
        'Diedrichsen, J{\\"o}rn',
        2016,
        "Reliability of dissimilarity measures for multi-voxel pattern analysis",
        "NeuroImage",
        "137",
        "188--200",
        "10.1016/j.neuroimage.2015.12.012",
    ),
    "ledoit2004": _article(
        "Ledoit, Olivier and Wolf, Michael",
        2004,
        "A well-conditioned estimator for large-dimensional covariance matrices",
        "Journal of Multivariate Analysis",
        "88",
        "365--411",
        "10.1016/S0047-259X(03)00096-4",
    ),
    "schafer2005": _article(
        'Sch{\\"a}fer, Juliane and Strimmer, Korbinian',
        2005,
        "A shrinkage approach to large-scale covariance matrix estimation and implications for functional genomics",
        "Statistical Applications in Genetics and Molecular Biology",
        "4",
        "32",
        "10.2202/1544-6115.1175",
    ),
    "mumford2012": _article(
        "Mumford, Jeanette A. and Turner, Benjamin O. and Ashby, F. Gregory and Poldrack, Russell A.",
        2012,
        "Deconvolving {BOLD} activation in event-related designs for multivoxel pattern classification analyses",
        "NeuroImage",
        "59",
        "2636--2643",
        "10.1016/j.neuroimage.2011.08.076",
    ),
    "prince2022": _article(
        "Prince, Jacob S. and Charest, Ian and Kurzawski, Jan W. and Pyles, John A. and Tarr, Michael J. and Kay, "
        "Kendrick N.",
        2022,
        "Improving the accuracy of single-trial {fMRI} response estimates using {GLMsingle}",
        "eLife",
        "11",
        "e77599",
        "10.7554/eLife.77599",
    ),
    "hebart2020": _article(
        "Hebart, Martin N. and Zheng, Charles Y. and Pereira, Francisco and Baker, Chris I.",
        2020,
        "Revealing the multidimensional mental representations of natural objects underlying human similarity "
        "judgements",
        "Nature Human Behaviour",
        "4",
        "1173--1185",
        "10.1038/s41562-020-00951-3",
    ),
    # ---- what features and images show ----
    "miller1995": _article(
        "Miller, George A.",
        1995,
        "{WordNet}: a lexical database for {English}",
        "Communications of the ACM",
        "38",
        "39--41",
        "10.1145/219717.219748",
    ),
    "wu1994": _talk(
        "Wu, Zhibiao and Palmer, Martha",
        1994,
        "Verb semantics and lexical selection",
        "32nd Annual Meeting of the Association for Computational Linguistics",
        "133--138",
        doi="10.3115/981732.981751",
    ),
    "leacock1998": Reference(
        "incollection",
        "Leacock, Claudia and Chodorow, Martin",
        1998,
        "Combining local context and {WordNet} similarity for word sense identification",
        {
            "booktitle": "WordNet: An electronic lexical database",
            "editor": "Fellbaum, Christiane",
            "publisher": "MIT Press",
            "pages": "265--283",
        },
    ),
    "zeiler2014": _talk(
        "Zeiler, Matthew D. and Fergus, Rob",
        2014,
        "Visualizing and understanding convolutional networks",
        "European Conference on Computer Vision",
        "818--833",
        doi="10.1007/978-3-319-10590-1_53",
    ),
    "nakandala2019": _talk(
        "Nakandala, Supun and Kumar, Arun and Papakonstantinou, Yannis",
        2019,
        "Incremental and approximate inference for faster occlusion-based deep {CNN} explanations",
        "Proceedings of the International Conference on Management of Data (SIGMOD)",
        "1589--1606",
    ),
    # ---- networks ----
    "krizhevsky2014": _preprint(
        "Krizhevsky, Alex",
        2014,
        "One weird trick for parallelizing convolutional neural networks",
        "1404.5997",
    ),
    "simonyan2015": _talk(
        "Simonyan, Karen and Zisserman, Andrew",
        2015,
        "Very deep convolutional networks for large-scale image recognition",
        _ICLR,
        eprint="1409.1556",
    ),
    "sandler2018": _talk(
        "Sandler, Mark and Howard, Andrew and Zhu, Menglong and Zhmoginov, Andrey and Chen, Liang-Chieh",
        2018,
        "{MobileNetV2}: inverted residuals and linear bottlenecks",
        _CVPR,
        "4510--4520",
    ),
    "iandola2016": _preprint(
        "Iandola, Forrest N. and Han, Song and Moskewicz, Matthew W. and Ashraf, Khalid and Dally, William J. and "
        "Keutzer, Kurt",
        2016,
        "{SqueezeNet}: {AlexNet}-level accuracy with 50x fewer parameters and <0.5{MB} model size",
        "1602.07360",
    ),
    "he2016": _talk(
        "He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian",
        2016,
        "Deep residual learning for image recognition",
        _CVPR,
        "770--778",
    ),
    "huang2017": _talk(
        "Huang, Gao and Liu, Zhuang and van der Maaten, Laurens and Weinberger, Kilian Q.",
        2017,
        "Densely connected convolutional networks",
        _CVPR,
        "4700--4708",
    ),
    "szegedy2015": _talk(
        "Szegedy, Christian and Liu, Wei and Jia, Yangqing and Sermanet, Pierre and others",
        2015,
        "Going deeper with convolutions",
        _CVPR,
        "1--9",
    ),
    "szegedy2016": _talk(
        "Szegedy, Christian and Vanhoucke, Vincent and Ioffe, Sergey and Shlens, Jon and Wojna, Zbigniew",
        2016,
        "Rethinking the {Inception} architecture for computer vision",
        _CVPR,
        "2818--2826",
    ),
    "dosovitskiy2021": _talk(
        "Dosovitskiy, Alexey and Beyer, Lucas and Kolesnikov, Alexander and Weissenborn, Dirk and others",
        2021,
        "An image is worth 16x16 words: transformers for image recognition at scale",
        _ICLR,
        eprint="2010.11929",
    ),
    "russakovsky2015": _article(
        "Russakovsky, Olga and Deng, Jia and Su, Hao and Krause, Jonathan and Satheesh, Sanjeev and others",
        2015,
        "{ImageNet} large scale visual recognition challenge",
        "International Journal of Computer Vision",
        "115",
        "211--252",
        "10.1007/s11263-015-0816-y",
    ),
    # ---- software and reporting ----
    "abraham2014": _article(
        "Abraham, Alexandre and Pedregosa, Fabian and Eickenberg, Michael and Gervais, Philippe and others",
        2014,
        "Machine learning for neuroimaging with scikit-learn",
        "Frontiers in Neuroinformatics",
        "8",
        "14",
        "10.3389/fninf.2014.00014",
    ),
    "bird2009": _book(
        "Bird, Steven and Klein, Ewan and Loper, Edward",
        2009,
        "Natural language processing with {Python}",
        "O'Reilly",
    ),
    "harris2020": _article(
        "Harris, Charles R. and Millman, K. Jarrod and van der Walt, St{\\'e}fan J. and Gommers, Ralf and others",
        2020,
        "Array programming with {NumPy}",
        "Nature",
        "585",
        "357--362",
        "10.1038/s41586-020-2649-2",
    ),
    "virtanen2020": _article(
        "Virtanen, Pauli and Gommers, Ralf and Oliphant, Travis E. and Haberland, Matt and others",
        2020,
        "{SciPy} 1.0: fundamental algorithms for scientific computing in {Python}",
        "Nature Methods",
        "17",
        "261--272",
        "10.1038/s41592-019-0686-2",
    ),
    "paszke2019": _talk(
        "Paszke, Adam and Gross, Sam and Massa, Francisco and Lerer, Adam and others",
        2019,
        "{PyTorch}: an imperative style, high-performance deep learning library",
        "Advances in Neural Information Processing Systems",
        volume="32",
    ),
    "molder2021": _article(
        'M{\\"o}lder, Felix and Jablonski, Kim Philipp and Letcher, Brice and Hall, Michael B. and others',
        2021,
        "Sustainable data analysis with {Snakemake}",
        "F1000Research",
        "10",
        "33",
        "10.12688/f1000research.29032.2",
    ),
    "nichols2017": _article(
        "Nichols, Thomas E. and Das, Samir and Eickhoff, Simon B. and Evans, Alan C. and others",
        2017,
        "Best practices in data analysis and sharing in neuroimaging using {MRI}",
        "Nature Neuroscience",
        "20",
        "299--303",
        "10.1038/nn.4500",
    ),
}
"""Every work that a methods text may cite, by its key."""
