"""plugnet's networks as scikit-learn estimators."""

from plugnet_sklearn.classifier import NetworkClassifier as NetworkClassifier
from plugnet_sklearn.regressor import NetworkRegressor as NetworkRegressor
