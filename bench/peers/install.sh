#!/bin/sh
# Puts each peer into its own environment under a folder: bench/peers/install.sh FOLDER [PYTHON]
# Needs 4.0 GiB of disk and about three minutes; DataProfiler's tensorflow is most of it.
set -eu
folder=${1:?say where}
python=${2:-python3.11}
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
mkdir -p "$folder"
for peer in presidio dataprofiler hawk datafog; do
    "$python" -m venv "$folder/$peer"
    "$folder/$peer/bin/pip" install --quiet -r "$here/$peer.txt"
done
# piicatcher 0.21.2 says it wants Python 3.10.8 at most, and drivers of databases that no longer
# install; its two detectors need neither.
"$python" -m venv "$folder/piicatcher"
"$folder/piicatcher/bin/pip" install --quiet --no-deps --ignore-requires-python \
    -r "$here/piicatcher.txt"
echo "hawk: put fingerprint.yml of the hawk-eye project into $folder/hawk"
