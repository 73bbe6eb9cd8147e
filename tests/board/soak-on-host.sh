# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# Runs the suites again and again, each time from another seed. For run-suites.

# seconds_of TIME: 90, 90s, 30m, 8h or 2d in seconds; nothing if it is none of these.
seconds_of() {
  echo "$1" | awk '/^[1-9][0-9]*[smhd]?$/ {
    unit = substr($0, length($0))
    print $0 * (unit == "m" ? 60 : unit == "h" ? 3600 : unit == "d" ? 86400 : 1) }'
}

# The tests that failed, as a filter: their names without that of the suite.
failed_tests() {
  awk -v quote="[\"']" '
    BEGIN { RS = "<testcase " }
    function value(key) {
      match($0, "(^| )" key "=" quote "[^\"\47]*")
      return substr($0, RSTART, RLENGTH)
    }
    NR > 1 && /<failure/ {
      class = value("classname"); sub(/^ ?classname=./, "", class); sub(/^[a-z]+[.]/, "", class)
      name = value("name"); sub(/^ ?name=./, "", name)
      print class "." name }' "$1" | sort -u | tr '\n' ':'
}

# soak SECONDS OPTION…: rounds until the time is over, or one of them has failed. Ends the shell
# with the status of the last. What that round left is in `results`; of the others nothing is kept.
soak() {
  end=$(($(date +%s) + $1))
  shift
  round=0
  tests=0
  while [ "$(date +%s)" -lt "$end" ]; do
    round=$((round + 1))
    seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
    echo "==== soak: round $round, REDOUBT_SEED=$seed"
    # In the foreground, see run-suites: a signal has to go to all of the process group.
    REDOUBT_SEED=$seed "$here/run-suites" --results "$results" "$@"
    status=$?
    [ -e "$results/results.xml" ] || exit "$status"
    tests=$((tests + $(grep -c '<testcase ' "$results/results.xml")))
    if [ "$status" -ne 0 ]; then
      filter=$(failed_tests "$results/results.xml")
      echo "soak: stopped by round $round; what is to be known of it is in $results"
      echo "soak: again: REDOUBT_SEED=$seed ./run-suites --filter '${filter%:}'"
      exit "$status"
    fi
  done
  echo "soak: $round rounds, $tests tests, none failed"
  exit 0
}
