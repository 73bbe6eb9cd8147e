# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The reports of a run. To be sourced by run-suites, which sets `here` and `results`.

# Set by run-suites.
: "${here:?}" "${results:?}"
report_program=build/arm64/redoubt-board-report

# A report of what a program's output tells, for when it has not written its own.
# report_from_output REASON <OUTPUT
report_from_output() {
  awk -v reason="$1" '
    function escape(text) {
      gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
      gsub(/"/, "\\&quot;", text); gsub(/[^\t\n -~]/, "?", text)
      return text
    }
    function testcase(name, result, ms, text,    dot) {
      dot = index(name, ".")
      body = body sprintf("<testcase classname=\"%s\" name=\"%s\" time=\"%.3f\">",
        escape(substr(name, 1, dot - 1)), escape(substr(name, dot + 1)), ms / 1000)
      if (result == "FAILED") body = body "<failure message=\"failed\">" escape(text) "</failure>"
      if (result == "SKIPPED") body = body "<skipped message=\"" escape(text) "\"/>"
      body = body "</testcase>\n"
      tests += 1; failures += result == "FAILED"; skips += result == "SKIPPED"
    }
    /\[ RUN      \] [^ ]+$/ { running = $NF; text = ""; next }
    match($0, /\[ +(OK|FAILED|SKIPPED) +\] /) && / \([0-9]+ ms\)$/ {
      name = substr($0, RSTART + RLENGTH); sub(/[, ].*/, "", name)
      split(substr($0, RSTART, RLENGTH), word, " ")
      ms = $(NF - 1); sub(/\(/, "", ms)
      testcase(name, word[2] == "]" ? substr(word[1], 2) : word[2], ms, text)
      running = ""; text = ""; next
    }
    running != "" && length(text) < 20000 { text = text $0 "\n" }
    END {
      if (running != "") testcase(running, "FAILED", 0, reason "\n" text)
      else if (reason != "") testcase("Suite.ends_by_itself", "FAILED", 0, reason)
      print "<testsuites>"
      printf "<testsuite name=\"incomplete\" tests=\"%d\" failures=\"%d\" skipped=\"%d\">\n",
        tests, failures, skips
      printf "%s</testsuite>\n</testsuites>\n", body
    }'
}

# failed_test NAME <WHY: the report of a test of this script's own.
failed_test() {
  {
    echo "[ RUN      ] $1"
    cat
    echo "[  FAILED  ] $1 (0 ms)"
  } | tee -a "$results/output.log" | report_from_output ''
}

# note_environment: before the first suite, because the suites taint the kernel.
note_environment() {
  if [ ! -x "$here/$report_program" ]; then
    echo "run-suites: $report_program is not in this bundle: there will be JUnit XML alone"
  elif ! "$here/$report_program" environment >"$results/environment.json"; then
    rm -f "$results/environment.json"
  fi
}

# merge_reports: one report of all: GoogleTest's dialect less what strict readers of JUnit refuse,
# class names prefixed with the suite, tests the filter left out dropped.
merge_reports() {
  {
    echo '<?xml version="1.0" encoding="UTF-8"?>'
    echo '<testsuites name="redoubt">'
    for report in "$results"/*.xml; do
      [ -e "$report" ] || continue
      suite=${report##*/}
      awk -v suite="${suite%%.*}" '
        /^ *<\?xml/ || /^ *<\/?testsuites/ && !/<testsuite / { next }
        /<testcase .*status="notrun"/ { dropping = !/\/>$/; next }
        dropping { dropping = !/<\/testcase>$/; next }
        /<testsuite / {
          sub(/name="/, "&" suite ".")
          sub(/ disabled="[^"]*"/, "")
        }
        /<testcase / {
          sub(/classname="/, "&" suite ".")
          gsub(/ (file|line|status|result|timestamp|type_param|value_param)="[^"]*"/, "")
        }
        { gsub(/ type=""/, ""); print }' "$report"
    done
    echo '</testsuites>'
  } >"$results/results.xml.partial"
  rm -f "$results"/*.[0-9]*.xml
  mv "$results/results.xml.partial" "$results/results.xml"
}

# write_reports: the other formats, and in short what failed and was skipped.
write_reports() {
  [ -e "$results/environment.json" ] || return 0
  "$here/$report_program" write "$results" "$(cat /proc/sys/kernel/tainted 2>/dev/null)"
}
