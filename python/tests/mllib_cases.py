"""One object of every MLWritable class of MLlib, small and fitted where it is a model, and how to tell that it came back."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any, Callable, Dict, List

# Classes that are writable by type and are not written here, each with its reason.
NOT_ROUND_TRIPPED = {
    "MLWritable": "abstract",
    "JavaMLWritable": "abstract",
    "GeneralJavaMLWritable": "abstract",
    "DefaultParamsWritable": "a mixin; a custom stage that uses it is tested",
}
_SKIPPED_PACKAGES = (".tests", ".connect", ".torch", ".deepspeed", ".remote")


def writable_classes() -> Dict[str, type]:
    """The concrete MLWritable classes that the installed pyspark has."""
    import pyspark.ml
    from pyspark.ml.util import MLWritable

    found: Dict[str, type] = {}
    for module_info in pkgutil.walk_packages(pyspark.ml.__path__, "pyspark.ml."):
        if any(part in module_info.name for part in _SKIPPED_PACKAGES):
            continue
        module = importlib.import_module(module_info.name)
        for name, cls in vars(module).items():
            own = inspect.isclass(cls) and issubclass(cls, MLWritable) and cls.__module__ == module_info.name
            if own and not inspect.isabstract(cls) and not name.startswith("_"):
                found[name] = cls
    return found


_frames: Dict[str, Any] = {}


def data(session: Any) -> Any:
    """Rows that every estimator can be fitted on."""
    key = session.sparkContext.applicationId
    if key not in _frames:
        from pyspark.ml.linalg import Vectors, VectorUDT
        from pyspark.sql.types import ArrayType, DoubleType, IntegerType, StringType, StructField, StructType

        rows = []
        for n in range(12):
            label = float(n % 2)
            words = ["spark", "ml"] if n % 2 else ["word", "other", "ml"]
            vector = Vectors.dense([label + 0.1 * n, 1.0 + (n % 3), float(n % 4)])
            rows.append(
                (
                    label,
                    vector,
                    float(n),
                    float(n) if n % 5 else None,
                    " ".join(words),
                    words,
                    n % 4,
                    n % 3,
                    float(n % 5),
                    1.0 + n,
                    1.0 if n % 4 else 0.0,
                )
            )
        columns = ["label", "features", "x", "gaps", "text", "words", "user", "item", "rating", "positive", "censor"]
        kinds: List[Any] = [
            DoubleType(), VectorUDT(), DoubleType(), DoubleType(), StringType(), ArrayType(StringType()), IntegerType(), IntegerType(),
            DoubleType(), DoubleType(), DoubleType(),
        ]  # fmt: skip
        frame = session.createDataFrame(
            rows, StructType([StructField(name, kind) for name, kind in zip(columns, kinds)])
        ).coalesce(1)
        _frames.clear()
        _frames[key] = frame.cache()
    return _frames[key]


def _plain(module: str, name: str, **parameters: Any) -> Callable[[Any], Any]:
    """An unfitted object."""

    def make_it(session: Any) -> Any:
        return getattr(importlib.import_module(f"pyspark.ml.{module}"), name)(**parameters)

    return make_it


def _fitted(module: str, name: str, **parameters: Any) -> Callable[[Any], Any]:
    def make_it(session: Any) -> Any:
        return getattr(importlib.import_module(f"pyspark.ml.{module}"), name)(**parameters).fit(data(session))

    return make_it


MAKERS: Dict[str, Callable[[Any], Any]] = {}


def _both(module: str, estimator: str, model: str, **parameters: Any) -> None:
    MAKERS[estimator] = _plain(module, estimator, **parameters)
    MAKERS[model] = _fitted(module, estimator, **parameters)


_features = {"inputCol": "features", "outputCol": "out"}
_x = {"inputCol": "x", "outputCol": "out"}
_words = {"inputCol": "words", "outputCol": "out"}
for _estimator, _parameters in {
    "BucketedRandomProjectionLSH": {**_features, "bucketLength": 2.0, "seed": 1},
    "MinHashLSH": {**_features, "seed": 1},
    "ChiSqSelector": {"featuresCol": "features", "labelCol": "label", "outputCol": "out", "numTopFeatures": 1},
    "CountVectorizer": _words,
    "IDF": _features,
    "Imputer": {"inputCols": ["gaps"], "outputCols": ["out"]},
    "MaxAbsScaler": _features,
    "MinMaxScaler": _features,
    "OneHotEncoder": {"inputCols": ["user"], "outputCols": ["out"]},
    "PCA": {**_features, "k": 2},
    "RFormula": {"formula": "label ~ x + text", "featuresCol": "out", "labelCol": "target"},
    "RobustScaler": _features,
    "StandardScaler": {**_features, "withMean": True},
    "StringIndexer": {"inputCol": "text", "outputCol": "out"},
    "TargetEncoder": {"inputCols": ["user"], "outputCols": ["out"], "labelCol": "label"},
    "UnivariateFeatureSelector": {"featuresCol": "features", "labelCol": "label", "outputCol": "out"},
    "VarianceThresholdSelector": {"featuresCol": "features", "outputCol": "out"},
    "VectorIndexer": {**_features, "maxCategories": 4},
    "Word2Vec": {**_words, "vectorSize": 2, "minCount": 1, "seed": 1, "maxIter": 1},
}.items():
    _both("feature", _estimator, f"{_estimator}Model", **_parameters)
MAKERS["UnivariateFeatureSelector"] = lambda session: _selector()
MAKERS["UnivariateFeatureSelectorModel"] = lambda session: _selector().fit(data(session))
MAKERS["IndexToString"] = _plain("feature", "IndexToString", inputCol="label", outputCol="out", labels=["a", "b"])
for _name, _parameters in {
    "Binarizer": {**_x, "threshold": 3.0},
    "Bucketizer": {**_x, "splits": [-1.0, 3.0, 100.0]},
    "DCT": _features,
    "FeatureHasher": {"inputCols": ["x", "text"], "outputCol": "out", "numFeatures": 16},
    "HashingTF": {**_words, "numFeatures": 16},
    "Interaction": {"inputCols": ["x", "positive"], "outputCol": "out"},
    "NGram": {**_words, "n": 2},
    "Normalizer": _features,
    "PolynomialExpansion": _features,
    "QuantileDiscretizer": {**_x, "numBuckets": 3},
    "RegexTokenizer": {"inputCol": "text", "outputCol": "out", "pattern": "\\W"},
    "SQLTransformer": {"statement": "SELECT *, x + 1 AS out FROM __THIS__"},
    "StopWordsRemover": {**_words, "stopWords": ["word"]},
    "Tokenizer": {"inputCol": "text", "outputCol": "out"},
    "VectorAssembler": {"inputCols": ["x", "features"], "outputCol": "out"},
    "VectorSizeHint": {"inputCol": "features", "size": 3},
    "VectorSlicer": {**_features, "indices": [1]},
}.items():
    MAKERS[_name] = _plain("feature", _name, **_parameters)
MAKERS["ElementwiseProduct"] = lambda session: _elementwise()
for _name, _model, _parameters in [
    ("DecisionTreeClassifier", "DecisionTreeClassificationModel", {"seed": 1}),
    ("FMClassifier", "FMClassificationModel", {"maxIter": 2, "seed": 1}),
    ("GBTClassifier", "GBTClassificationModel", {"maxIter": 2, "seed": 1}),
    ("LinearSVC", "LinearSVCModel", {"maxIter": 2}),
    ("LogisticRegression", "LogisticRegressionModel", {"maxIter": 2}),
    (
        "MultilayerPerceptronClassifier",
        "MultilayerPerceptronClassificationModel",
        {"layers": [3, 2], "maxIter": 2, "seed": 1},
    ),
    ("NaiveBayes", "NaiveBayesModel", {}),
    ("RandomForestClassifier", "RandomForestClassificationModel", {"numTrees": 2, "seed": 1}),
]:
    _both("classification", _name, _model, **_parameters)
for _name, _model, _parameters in [
    (
        "AFTSurvivalRegression",
        "AFTSurvivalRegressionModel",
        {"labelCol": "positive", "censorCol": "censor", "maxIter": 2},
    ),
    ("DecisionTreeRegressor", "DecisionTreeRegressionModel", {"seed": 1}),
    ("FMRegressor", "FMRegressionModel", {"maxIter": 2, "seed": 1}),
    ("GBTRegressor", "GBTRegressionModel", {"maxIter": 2, "seed": 1}),
    ("GeneralizedLinearRegression", "GeneralizedLinearRegressionModel", {"maxIter": 2}),
    ("IsotonicRegression", "IsotonicRegressionModel", {}),
    ("LinearRegression", "LinearRegressionModel", {"maxIter": 2}),
    ("RandomForestRegressor", "RandomForestRegressionModel", {"numTrees": 2, "seed": 1}),
]:
    _both("regression", _name, _model, **_parameters)
for _name, _parameters in {
    "BisectingKMeans": {"k": 2, "seed": 1},
    "GaussianMixture": {"k": 2, "seed": 1, "maxIter": 2},
    "KMeans": {"k": 2, "seed": 1},
}.items():
    _both("clustering", _name, f"{_name}Model", **_parameters)
MAKERS["LDA"] = _plain("clustering", "LDA", k=2, seed=1, maxIter=2)
MAKERS["LocalLDAModel"] = _fitted("clustering", "LDA", k=2, seed=1, maxIter=2, optimizer="online")
MAKERS["DistributedLDAModel"] = _fitted("clustering", "LDA", k=2, seed=1, maxIter=2, optimizer="em")
MAKERS["PowerIterationClustering"] = _plain("clustering", "PowerIterationClustering", k=2, maxIter=3)
_both("recommendation", "ALS", "ALSModel", rank=2, maxIter=1, seed=1)
_both("fpm", "FPGrowth", "FPGrowthModel", itemsCol="words", minSupport=0.2)
for _name in ("Binary", "Multiclass"):
    MAKERS[f"{_name}ClassificationEvaluator"] = _plain("evaluation", f"{_name}ClassificationEvaluator", labelCol="l")
MAKERS["MultilabelClassificationEvaluator"] = _plain("evaluation", "MultilabelClassificationEvaluator", labelCol="l")
MAKERS["RegressionEvaluator"] = _plain("evaluation", "RegressionEvaluator", metricName="mae")
MAKERS["RankingEvaluator"] = _plain("evaluation", "RankingEvaluator", k=3)
MAKERS["ClusteringEvaluator"] = _plain("evaluation", "ClusteringEvaluator", distanceMeasure="cosine")


def _selector() -> Any:
    from pyspark.ml.feature import UnivariateFeatureSelector

    made = UnivariateFeatureSelector(
        featuresCol="features", labelCol="label", outputCol="out", selectionMode="numTopFeatures"
    )
    return made.setFeatureType("continuous").setLabelType("categorical").setSelectionThreshold(1)


def _elementwise() -> Any:
    from pyspark.ml.feature import ElementwiseProduct
    from pyspark.ml.linalg import Vectors

    return ElementwiseProduct(scalingVec=Vectors.dense([1.0, 2.0, 3.0]), inputCol="features", outputCol="out")


def _logistic() -> Any:
    from pyspark.ml.classification import LogisticRegression

    return LogisticRegression(maxIter=2)


def _tuned(name: str) -> Any:
    from pyspark.ml import tuning
    from pyspark.ml.evaluation import BinaryClassificationEvaluator

    estimator = _logistic()
    grid = tuning.ParamGridBuilder().addGrid(estimator.regParam, [0.0, 0.1]).build()
    made = getattr(tuning, name)(
        estimator=estimator, estimatorParamMaps=grid, evaluator=BinaryClassificationEvaluator(), seed=1
    )
    return made.setNumFolds(2) if name == "CrossValidator" else made.setTrainRatio(0.6)


def _one_vs_rest() -> Any:
    from pyspark.ml.classification import OneVsRest

    return OneVsRest(classifier=_logistic())


def _pipeline() -> Any:
    from pyspark.ml import Pipeline

    return Pipeline(stages=[MAKERS["StandardScaler"](None), _logistic()])


MAKERS["CrossValidator"] = lambda session: _tuned("CrossValidator")
MAKERS["CrossValidatorModel"] = lambda session: _tuned("CrossValidator").fit(data(session))
MAKERS["TrainValidationSplit"] = lambda session: _tuned("TrainValidationSplit")
MAKERS["TrainValidationSplitModel"] = lambda session: _tuned("TrainValidationSplit").fit(data(session))
MAKERS["OneVsRest"] = lambda session: _one_vs_rest()
MAKERS["OneVsRestModel"] = lambda session: _one_vs_rest().fit(data(session))
MAKERS["Pipeline"] = lambda session: _pipeline()
MAKERS["PipelineModel"] = lambda session: _pipeline().fit(data(session))

# One of each kind: an estimator, an evaluator, a transformer, a linear and a tree model, one of Python's own writers.
REPRESENTATIVES = (
    "LogisticRegression",
    "RegressionEvaluator",
    "Binarizer",
    "KMeansModel",
    "DecisionTreeClassificationModel",
    "PipelineModel",
)


def make(session: Any, name: str) -> Any:
    return MAKERS[name](session)


def compare(session: Any, value: Any, loaded: Any) -> None:
    def parameters(of: Any) -> Dict[str, str]:
        if type(of).__name__ in (
            "CrossValidator",
            "CrossValidatorModel",
            "TrainValidationSplit",
            "TrainValidationSplitModel",
        ):
            return {"maps": str([sorted((p.name, v) for p, v in grid.items()) for grid in of.getEstimatorParamMaps()])}
        nested = ("classifier", "stages")
        found = {
            param.name: str(setting) for param, setting in of.extractParamMap().items() if param.name not in nested
        }
        # A default made of the object's id: pyspark makes it anew.
        return {name: text for name, text in found.items() if not text.endswith("__output")}

    assert parameters(value) == parameters(loaded), f"{parameters(value)} != {parameters(loaded)}"
    if type(value).__name__ == "DistributedLDAModel":  # its transform draws at random
        assert value.topicsMatrix() == loaded.topicsMatrix()
        assert abs(value.logPrior() - loaded.logPrior()) < 1e-9
    elif callable(getattr(value, "transform", None)):
        left, right = value.transform(data(session)), loaded.transform(data(session))
        assert left.schema.jsonValue() == right.schema.jsonValue()
        assert sorted(map(str, left.collect())) == sorted(map(str, right.collect()))


# --- stages of one's own ----------------------------------------------------------------------------------------------------------

try:
    from pyspark import keyword_only
    from pyspark.ml import Transformer
    from pyspark.ml.param import Param, Params, TypeConverters
    from pyspark.ml.param.shared import HasInputCol, HasOutputCol
    from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable

    class AddConstant(Transformer, HasInputCol, HasOutputCol, DefaultParamsReadable, DefaultParamsWritable):
        constant = Param(Params._dummy(), "constant", "what is added", typeConverter=TypeConverters.toFloat)

        @keyword_only
        def __init__(self, *, inputCol: Any = None, outputCol: Any = None, constant: float = 0.0) -> None:
            super().__init__()
            self._set(**self._input_kwargs)

        def _transform(self, dataset: Any) -> Any:
            return dataset.withColumn(
                self.getOutputCol(), dataset[self.getInputCol()] + self.getOrDefault(self.constant)
            )

    class NotWritable(Transformer):
        def _transform(self, dataset: Any) -> Any:
            return dataset

except ImportError:
    pass
