"""How the report looks: light and dark, on a phone, on a desk, on paper. Contrasts are AA (WCAG 2.2)."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --text: #1b1f27; --quiet: #545c6b; --line: #d5d9e0; --link: #0b57d0;
  --ok: #17692f; --note: #7a4f00; --failed: #b3201c; --track: #e6e9ee; --quote: #f0f2f5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171c; --card: #1d2128; --text: #e7eaf0; --quiet: #a7b0bf; --line: #383f4b; --link: #8ab4f8;
    --ok: #6fd58c; --note: #f0c05a; --failed: #ff938c; --track: #2c323c; --quote: #262b34;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--text); overflow-wrap: anywhere;
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Devanagari",
    "Nirmala UI", "Noto Sans CJK JP", "Noto Sans JP", "Hiragino Sans", "Yu Gothic UI", Meiryo, sans-serif;
}
main { max-width: 60rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
section, header { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem 1.15rem; margin: 0 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .6rem; }
h2 { font-size: 1.15rem; line-height: 1.35; margin: 0 0 .6rem; }
h3 { font-size: 1rem; margin: .9rem 0 .4rem; }
h4 { font-size: .85rem; margin: .9rem 0 .15rem; color: var(--quiet); }
p, ol, blockquote { margin: 0 0 .5rem; }
ol { padding-inline-start: 1.5rem; }
li { margin-bottom: .25rem; }
a { color: var(--link); }
code, pre, blockquote, dt, dd { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Noto Sans Mono",
  "DejaVu Sans Mono", monospace, "Noto Sans Devanagari", "Noto Sans CJK JP"; font-size: .85rem; }
.made, footer, .total, caption { color: var(--quiet); font-size: .9rem; }
.total b { float: inline-end; color: var(--text); font-weight: 600; }
.verdict { font-size: 1.1rem; font-weight: 600; border-inline-start: .3rem solid;
  padding-inline-start: .7rem; }
.verdict.ok { border-color: var(--ok); }
.verdict.note { border-color: var(--note); }
.verdict.failed { border-color: var(--failed); }
.mark { font-weight: 700; white-space: nowrap; }
.mark.ok { color: var(--ok); }
.mark.note { color: var(--note); }
.mark.failed { color: var(--failed); }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
caption { text-align: start; padding-bottom: .3rem; }
td, th { padding: .35rem .8rem .35rem 0; text-align: start; vertical-align: top;
  border-top: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; }
td.time { text-align: end; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.known { width: 100%; padding-inline-end: 0; color: var(--quiet); }
.problem { border: 1px solid var(--line); border-inline-start: .3rem solid; border-radius: .4rem;
  padding: .2rem .9rem .5rem; margin: 1rem 0; }
.problem.failed { border-inline-start-color: var(--failed); }
.problem.note { border-inline-start-color: var(--note); }
blockquote { background: var(--quote); border-radius: .3rem; padding: .5rem .7rem; }
dl { margin: .4rem 0 .6rem; }
dl div { display: grid; grid-template-columns: minmax(7rem, 11rem) 1fr; gap: 0 .8rem; padding: .12rem 0; }
dt { color: var(--quiet); }
dd { margin: 0; min-width: 0; }
details { margin-top: .6rem; }
summary { cursor: pointer; color: var(--link); }
summary h2 { display: inline; }
pre { white-space: pre-wrap; margin: .6rem 0 0; line-height: 1.45; }
svg { display: block; overflow: hidden; }
svg text { fill: var(--text); font-size: 13px; }
rect.track { fill: var(--track); }
rect.ok { fill: var(--ok); }
rect.note { fill: var(--note); }
rect.failed { fill: var(--failed); }
@media (max-width: 40rem) {
  main { padding: .75rem .6rem 2rem; }
  section, header { padding: .8rem .85rem; }
  tr { display: grid; grid-template-columns: auto 1fr auto; gap: 0 .6rem; border-top: 1px solid var(--line);
    padding: .4rem 0; }
  td, th { border: 0; padding: 0; }
  th { white-space: normal; }
  td.known { grid-column: 1 / -1; }
  dl div { grid-template-columns: 1fr; padding: .2rem 0; }
}
@media print {
  :root {
    color-scheme: light;
    --page: #ffffff; --card: #ffffff; --text: #000000; --quiet: #444444; --line: #bbbbbb; --link: #000000;
    --ok: #17692f; --note: #7a4f00; --failed: #b3201c; --track: #e6e9ee; --quote: #f4f4f4;
  }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  section, header { border: 0; padding: 0; }
  tr, .problem, dl div { break-inside: avoid; }
  h2, h3, h4 { break-after: avoid; }
  rect { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
