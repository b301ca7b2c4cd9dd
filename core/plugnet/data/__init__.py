"""Data: what users hand over becomes samples, targets, weights and batches.

A walk downhill, in which everything is looked at once: `samples` and `labels` check what came,
`batches` hands it out. A large memory map is read by `streaming` instead, part by part, and a
`LazyArray` by `read_ahead`.
"""

from plugnet.data.batches import ArrayBatches as ArrayBatches
from plugnet.data.batches import Batches as Batches
from plugnet.data.labels import as_targets as as_targets
from plugnet.data.labels import as_weights as as_weights
from plugnet.data.labels import check_rule as check_rule
from plugnet.data.labels import read_labels as read_labels
from plugnet.data.labels import warn_one_class as warn_one_class
from plugnet.data.lazy import LazyArray as LazyArray
from plugnet.data.samples import as_array as as_array
from plugnet.data.samples import as_samples as as_samples
from plugnet.data.samples import check_rows as check_rows
from plugnet.data.samples import require_rows as require_rows
from plugnet.data.splits import hold_out as hold_out
from plugnet.data.splits import take_rows as take_rows
from plugnet.data.tutorial import Data as Data
