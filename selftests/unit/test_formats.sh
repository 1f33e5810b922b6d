#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The forms of a report, of programs whose names are mark-up, escapes and no UTF-8.
# shellcheck disable=SC2317 # functions that ok calls
set -u
. selftests/vm/lib.sh

for format in table tree json markdown html sarif; do
	ok "$format is printed" sh -c "'$BUILD/selftests/unit/test_report' $format >'$T/$format' 2>'$T/err'"
	ok "$format is UTF-8 without control characters" python3 - "$T/$format" <<'PYTHON'
import sys, unicodedata
text = open(sys.argv[1], encoding="utf-8", errors="strict", newline="").read()
bad = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c != "\n"}
sys.exit(repr(bad) if bad or not text else 0)
PYTHON
done

check() {
	python3 - "$T/$1"
}

ok 'json: each line an object, and no name lost' check json <<'PYTHON'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
assert len(rows) == 20
names = {r["task_name"] for r in rows}
assert "a|b\n| c | `d`" in names and "\"', \\\"" in names, names
PYTHON

ok 'table and tree: each flow a line' check tree <<'PYTHON'
import re, sys
tree = open(sys.argv[1], encoding="utf-8").read()
assert len(re.findall(r"^.*[✗→] tcp \[2001:db8::1\]:443", tree, re.M)) == 20
table = open(sys.argv[1].replace("tree", "table"), encoding="utf-8").read()
assert len(re.findall(r"\| tcp +\| - +\| \[2001:db8::1\]:443 +\| (?:block|pass)$", table, re.M)) == 20
PYTHON

ok 'markdown: tables of so many cells, and no mark-up from a name' check markdown <<'PYTHON'
import re, sys
lines = open(sys.argv[1], encoding="utf-8").read().split("\n")
rows = [l for l in lines if l.startswith("| ") and not l.startswith("| Process")]
assert len(rows) == 20, len(rows)
assert {l.count("|") for l in rows if "would be" in l} == {8}
assert {l.count("|") for l in rows if "would be" not in l} == {7}
cells = re.sub(r"&#\d+;", "", "".join(rows))
assert not re.search(r"[`<>\\\[\]*_@#&]|http:|www\.", cells), cells
assert sum(l.startswith("#") for l in lines) == 2
assert [l for l in lines if "<" in l and "<br>" not in l] == \
    ["<details><summary>Allowed: 10 flows</summary>", "</details>"]
PYTHON

ok 'html: the elements of ours alone, nothing fetched' check html <<'PYTHON'
import html.parser, sys
class Page(html.parser.HTMLParser):
    stack, seen, text, styled = [], {}, "", False
    void = {"meta", "input", "br", "line", "rect", "th"}
    def handle_starttag(self, tag, attrs):
        self.seen[tag] = self.seen.get(tag, 0) + 1
        for name, value in attrs:
            assert name in ("lang", "charset", "http-equiv", "content", "name", "class", "type", "checked",
                            "id", "viewbox", "preserveaspectratio", "x1", "x2", "y1", "y2", "x", "y", "width",
                            "height", "fill", "stroke", "stroke-width", "title", "open"), name
        if tag not in self.void:
            self.stack.append(tag)
    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, tag
    def handle_data(self, data):
        self.text += data
page = Page()
page.feed(open(sys.argv[1], encoding="utf-8").read())
assert not page.stack, page.stack
assert not set(page.seen) & {"script", "img", "a", "link", "iframe"}, page.seen
assert page.seen["tr"] == 21 and page.seen["rect"] == 20
assert "<script>alert(1)</script>" in page.text
PYTHON

ok 'sarif: what code scanning asks for' check sarif <<'PYTHON'
import json, re, sys
log = json.load(open(sys.argv[1], encoding="utf-8"))
assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
run, = log["runs"]
ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
assert run["tool"]["driver"]["name"] == "kntrl" and len(run["results"]) == 10
prints = set()

# The schema allows no others at these places (additionalProperties: false).
def only(thing, required, allowed=""):
    assert set(required.split()) <= set(thing) <= set((required + " " + allowed).split()), set(thing)

only(log, "version runs", "$schema inlineExternalProperties properties")
only(run, "tool", "results artifacts invocations columnKind automationDetails properties")
only(run["tool"], "driver", "extensions properties")
only(run["tool"]["driver"], "name", "version semanticVersion informationUri rules fullName properties")
for rule in run["tool"]["driver"]["rules"]:
    only(rule, "id", "name shortDescription fullDescription help helpUri defaultConfiguration properties")
    only(rule["shortDescription"], "text", "markdown")
for r in run["results"]:
    only(r, "message", "ruleId ruleIndex level locations partialFingerprints kind properties")
    only(r["message"], "text", "markdown id arguments properties")
    only(r["locations"][0], "physicalLocation", "id logicalLocations message properties")
    only(r["locations"][0]["physicalLocation"], "artifactLocation", "region contextRegion properties")
    only(r["locations"][0]["physicalLocation"]["region"], "startLine", "startColumn endLine endColumn properties")
for r in run["results"]:
    assert r["ruleId"] in ids and r["level"] in ("error", "warning") and r["message"]["text"]
    place = r["locations"][0]["physicalLocation"]
    assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", place["artifactLocation"]["uri"])
    assert place["region"]["startLine"] == 1
    prints.add(r["partialFingerprints"]["kntrl/v1"])
assert len(prints) == 10
PYTHON

for form in suggest profiles; do
	"$BUILD/selftests/unit/test_report" $form >"$T/$form.yaml"
	ok "$form: a policy that compiles" "$BUILD/kntrl-load" --dry-run "$T/$form.yaml"
done
is "$(grep -c '^      - "' "$T/suggest.yaml")" 1 'the one destination once'
like "$(cat "$T/profiles.yaml")" '^      - process: "a|b' 'a profile by a name, quoted'

done_testing
