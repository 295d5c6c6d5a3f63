#!/bin/sh
# Runs commands at the same time and prints what each wrote, one after another; fails when one failed.
# Arguments: the commands, each as one text.
folder=$(mktemp -d)
trap 'kill 0' INT TERM
number=0
for command; do
    number=$((number + 1))
    { sh -c "$command" >"$folder/$number" 2>&1 </dev/null; echo $? >"$folder/$number.code"; } &
done
wait
failed=0
number=0
for command; do
    number=$((number + 1))
    echo "== $command"
    cat "$folder/$number"
    [ "$(cat "$folder/$number.code")" = 0 ] || failed=1
done
rm -r "$folder"
exit $failed
