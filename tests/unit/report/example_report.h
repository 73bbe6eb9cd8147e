// SPDX-License-Identifier: Apache-2.0
//
// A JUnit report as run-suites makes it: two suites, one test of each outcome, and text that no
// format carries as it stands.
#pragma once

#include <string>

namespace redoubt::report {

inline const std::string kExampleReport = R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="redoubt">
  <testsuite name="boot.BootLinux" tests="3" failures="1" skipped="1" errors="0" time="3.75">
    <testcase name="good" time="1.5" classname="boot.BootLinux" />
    <testcase name="bad/0" time="2" classname="boot.BootLinux">
      <failure message="a.cc:1&#x0A;1 &lt; 2"><![CDATA[a.cc:1
1 < 2 & "quoted" # \ ]]></failure>
      <failure message="second"><![CDATA[a.cc:2
second]]></failure>
    </testcase>
    <testcase name="absent" time="0.25" classname="boot.BootLinux">
      <skipped message="../../tests/board/suite/a.cc:3&#x0A;no &lt;KSM&gt; #1"><![CDATA[x]]></skipped>
    </testcase>
  </testsuite>
  <testsuite name="unit.UtfTest">
    <testcase name="good" time="0.001" classname="unit.UtfTest" />
    <testcase name="left_out" status="notrun" time="0" classname="unit.UtfTest" />
  </testsuite>
</testsuites>
)";

}  // namespace redoubt::report
