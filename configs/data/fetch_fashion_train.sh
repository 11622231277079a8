#!/usr/bin/env bash
# Fetches the Fashion-MNIST training set (26 MB; MIT licence, Copyright 2017 Zalando SE) beside this
# script, for configs/conversion/fashion_cnn_tuned.yaml. The sums are of the unpacked files: the same
# content is packed differently in different places.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
base=https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion

fetch() { # FILE SHA256-OF-CONTENT
  local here=fashion-$1
  if [ ! -f "$here" ]; then
    curl -fL --retry 3 -o "$here.part" "$base/$1"
    mv "$here.part" "$here"
  fi
  [ "$(gzip -dc "$here" | sha256sum | cut -d' ' -f1)" = "$2" ] && return
  echo "$here does not hold what it should; remove it and try again" >&2
  exit 1
}
fetch train-images-idx3-ubyte.gz c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888
fetch train-labels-idx1-ubyte.gz bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9
