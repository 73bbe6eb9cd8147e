// SPDX-License-Identifier: Apache-2.0
//
// The looks of the page. What a colour says, a sign or a word says beside it.
#pragma once

#include <string_view>

namespace redoubt::report {

inline constexpr std::string_view kHtmlStyle = R"(
:root {
  color-scheme: light dark;
  --text: #1f2328; --soft: #59636e; --page: #ffffff; --card: #f6f8fa; --line: #d1d9e0;
  --passed: #1a7f37; --passed-back: #d2f3da;
  --failed: #b3141d; --failed-back: #ffd8d6;
  --skipped: #6a5200; --skipped-back: #fbefc4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6edf3; --soft: #9aa4ae; --page: #0d1117; --card: #161b22; --line: #30363d;
    --passed: #56d364; --passed-back: #12361d;
    --failed: #ff8079; --failed-back: #4a1518;
    --skipped: #e3c35a; --skipped-back: #3a2f0c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 72rem;
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif;
  color: var(--text); background: var(--page);
}
h1 { font-size: 1.55rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; padding-bottom: .3rem;
     border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0; }
h1, h3 { overflow-wrap: anywhere; }
p { margin: .35rem 0; }
a { color: inherit; }
code, pre { font: .86em/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { margin: .5rem 0 0; padding: .7rem .8rem; max-height: 24rem; overflow: auto;
      white-space: pre-wrap;
      overflow-wrap: anywhere; background: var(--page); border: 1px solid var(--line);
      border-radius: 6px; }
.soft { color: var(--soft); }
.passed { color: var(--passed); } .failed { color: var(--failed); }
.skipped { color: var(--skipped); }
.verdict { display: inline-block; margin: .9rem 0 .2rem; padding: .35rem .9rem; font-weight: 700;
           font-size: 1.15rem; border-radius: 6px; border: 1px solid currentColor; }
.verdict.passed { background: var(--passed-back); }
.verdict.failed { background: var(--failed-back); }
.verdict.skipped { background: var(--skipped-back); }
.counts { display: flex; flex-wrap: wrap; gap: 0 1.2rem; font-size: 1.05rem; }
.bar { display: flex; height: .8rem; margin: .6rem 0; overflow: hidden; border-radius: 6px;
       border: 1px solid var(--line); }
.bar i { display: block; min-width: 3px; }
.bar .passed { background: var(--passed); } .bar .failed { background: var(--failed); }
.bar .skipped { background: repeating-linear-gradient(45deg, var(--skipped) 0 5px,
                                                      var(--skipped-back) 5px 10px); }
.card { margin: .75rem 0; padding: .8rem 1rem; background: var(--card);
        border: 1px solid var(--line); border-radius: 8px; }
.card.failed { border-left: 5px solid var(--failed); }
.card.failed > * { color: var(--text); } .card.failed > h3 { color: var(--failed); }
.suite header { display: flex; flex-wrap: wrap; gap: .2rem 1rem; align-items: baseline;
                margin-bottom: .45rem; }
.group { display: grid; grid-template-columns: minmax(10rem, 17rem) 1fr; gap: .1rem .9rem;
         padding: .18rem 0; }
.group > div:first-child { overflow-wrap: anywhere; }
.cells { display: flex; flex-wrap: wrap; gap: 3px; align-content: flex-start; }
.cells a { display: block; width: 1.35rem; height: 1.35rem; line-height: 1.3rem;
           text-align: center; text-decoration: none; font-size: .8rem; font-weight: 700;
           border-radius: 4px; border: 1px solid currentColor; }
.cells .passed { background: var(--passed-back); } .cells .failed { background: var(--failed);
                                                                    color: var(--page); }
.cells .skipped { background: var(--skipped-back); border-style: dashed; }
.cells a:hover, .cells a:focus { outline: 2px solid var(--text); }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .32rem .6rem; text-align: left; vertical-align: top;
         border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { color: var(--soft); font-weight: 600; font-size: .88rem; }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.environment th { width: 17rem; font-weight: 400; color: var(--soft); }
.scroll { overflow-x: auto; }
.options { display: grid; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr));
           gap: .1rem 1.4rem; margin: 0; }
.options div { display: flex; justify-content: space-between; gap: .8rem;
               border-bottom: 1px solid var(--line); }
.options dt, .options dd { margin: 0; } .options dd { white-space: nowrap; }
tr:target, .card:target { outline: 3px solid var(--skipped); }
summary { cursor: pointer; font-weight: 600; padding: .3rem 0; }
nav { display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin-top: .5rem; }
@media (max-width: 42rem) {
  .group { grid-template-columns: 1fr; }
  .environment th { width: 9rem; }
}
@media print { body { max-width: none; } details > * { display: revert; } }
)";

}  // namespace redoubt::report
