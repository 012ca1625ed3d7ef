#!/usr/bin/env bash
# Train the shipped weights again, from nothing, each stage with the code that it was trained with; `make foundation`.
# Needs the git history and about an hour and a half on two CPU cores. Rounding differs between machines, and so will they.
# A first argument of "brief" tries every stage for a step or two.
set -euo pipefail

OUT=${OUT:-foundation}                 # gets model.pt, model.json and model.int8.zip, and a folder for each stage
MASKS=${MASKS:-}                       # folder of real vessel masks; without, none of the vessels are cut from masks
PYTHON=${PYTHON:-python}
ROOT=$(git rev-parse --show-toplevel)
mkdir -p "$OUT" && OUT=$(cd "$OUT" && pwd)
PYTHON=$(cd "$ROOT" && command -v "$PYTHON")
case $PYTHON in /*) ;; *) PYTHON=$ROOT/$PYTHON ;; esac
MASKS_DIR='$None'
if [ -n "$MASKS" ]; then MASKS_DIR=$(cd "$MASKS" && pwd); fi
BRIEF=${1:-}

trap 'for code in "$OUT"/code/*; do [ ! -e "$code" ] || git -C "$ROOT" worktree remove --force "$code"; done' EXIT

or_brief() { if [ "$BRIEF" = brief ]; then echo "$2"; else echo "$1"; fi; }

code_of() { # COMMIT: its working tree
    [ -e "$OUT/code/$1" ] || git -C "$ROOT" worktree add --quiet --detach "$OUT/code/$1" "$1" >&2
    cd "$OUT/code/$1/bundle"
}

resuming() { # COMMIT FROM TO EPOCHS STEPS VAL_INTERVAL VOLUMES OPTIONS...: configs/pretrain.json
    code_of "$1"
    "$PYTHON" -m monai.bundle run --config_file "['configs/train.json','configs/pretrain.json']" --ckpt_path "$2" \
        --ckpt_dir "$3" --epochs "$(or_brief "$4" 1)" --iterations_per_epoch "$(or_brief "$5" 1)" --masks_dir "$MASKS_DIR" \
        --normalisation "{'lower':0.0,'upper':100.0}" --val_interval "$(or_brief "$6" 1)" \
        --validation_volumes "$(or_brief "$7" 2)" "${@:8}"
}

echo "1. from scratch, on 400 volumes of five kinds"
code_of 7e4ed99
"$PYTHON" -m scripts synthesise --output_dir "$OUT/train" --count "$(or_brief 400 2)" --seed 1000
"$PYTHON" -m scripts synthesise --output_dir "$OUT/held_out" --count "$(or_brief 10 1)" --seed 0
"$PYTHON" -m monai.bundle run --config_file "['configs/train.json','configs/overlays/validate_elsewhere.json']" \
    --dataset_dir "$OUT/train" --val_dir "$OUT/held_out" --ckpt_dir "$OUT/first" --epochs "$(or_brief 12 1)" \
    --iterations_per_epoch "$(or_brief 200 1)" --batch_size 2 --val_interval "$(or_brief 3 1)" --amp true \
    --network_def#dropout 0.1
"$PYTHON" -m scripts publish --ckpt_path "$OUT/first/model_best.pt" --output_path "$OUT/first.pt" \
    --trained_on "400 synthetic volumes"

echo "2. and 3. from there twice, on fresh volumes of all kinds"
resuming 9e536f7 "$OUT/first.pt" "$OUT/second" 4 188 4 12 --seed 7 --average 0.006 --learning_rate 3e-4
resuming d281f20 "$OUT/first.pt" "$OUT/third" 9 250 3 12 --seed 11 --average 0.003 --learning_rate 3e-4

echo "4. the mean of both; a step at no rate, which moves nothing, for the validation after it, which finds the threshold"
cd "$ROOT/bundle"
"$PYTHON" -m scripts average-weights "['$OUT/third/model_last.pt','$OUT/second/model_best.pt']" "$OUT/mean.pt"
resuming d281f20 "$OUT/mean.pt" "$OUT/fourth" 1 1 1 64 --seed 31 --learning_rate 0
"$PYTHON" -m scripts publish --ckpt_path "$OUT/fourth/model_best.pt" --output_path "$OUT/model.pt" --trained_on \
    "synthetic volumes alone, by make foundation: 400 of five kinds (0.1.0), then, as the mean of two trainings, fresh \
ones by configs/pretrain.json${MASKS:+, some of whose vessels are cut from real masks}"

echo "5. the percentiles that scale images since then; the weights and their threshold stay"
"$PYTHON" - "$OUT/model.json" <<'END'
import json, pathlib, sys
path = pathlib.Path(sys.argv[1])
sidecar = json.loads(path.read_text())
sidecar |= {"normalisation": {"lower": 0.001, "upper": 99.999}, "trained_normalisation": sidecar["normalisation"]}
path.write_text(json.dumps(sidecar, indent=2) + "\n")
END

echo "6. the same in int8, for CPUs"
cd "$ROOT"
PYTHONPATH=bundle "$PYTHON" -m experiments int8 --ckpt_path "$OUT/model.pt" --windows "$(or_brief 64 2)"
