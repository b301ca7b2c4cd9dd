"""Check that a wheel holds the two packages and nothing else: wheel_contents.py FILE.whl."""

import sys
import zipfile

REFERENCE = "plugnet_builtin/reference.toml"

names = zipfile.ZipFile(sys.argv[1]).namelist()
top = {name.split("/")[0] for name in names}
packages = {name for name in top if not name.endswith(".dist-info")}
assert packages == {"plugnet", "plugnet_builtin"}, packages
assert len(top) == 3, top
for needed in (
    "plugnet/py.typed",
    "plugnet_builtin/py.typed",
    "plugnet_builtin/datasets/digits.npy",
    REFERENCE,
    "plugnet/cli/plugins/templates/layer/component.py.template",
    "plugnet/cli/plugins/templates/py.typed.template",
):
    assert needed in names, f"{needed} is missing"
others = [name for name in names if name != REFERENCE]
strays = [name for name in others if name.endswith((".pyc", ".toml")) or "/tests/" in name]
assert not strays, strays
print(f"{len(names)} files in {', '.join(sorted(top))}")
