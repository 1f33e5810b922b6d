// SPDX-License-Identifier: Apache-2.0
/*
 * Rego, case by case, with values worked out from the language reference of
 * OPA (https://www.openpolicyagent.org/docs/policy-language); each case names
 * the section that it rests on.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rego/rego.h"

static int tests, failures;

/*
 * @want is the value of data.t.x as it is printed, NULL where it is undefined, or
 * behind "!" the beginning of an error, with its line and column.
 */
struct example {
	const char *section, *text, *want;
};

#define INPUT "{\"task_name\": \"curl\", \"dport\": 443, \"daddr\": \"10.1.2.3\", " \
	"\"ancestors\": [\"sh\", \"npm\"], \"domains\": [\"api.github.com\"], \"nothing\": null, " \
	"\"no\": false}"

static const struct example examples[] = {
	/* ---- Scalar values, strings ---- */
	{ "Scalar Values", "x := 42", "42" },
	{ "Scalar Values", "x := -1.5e1", "-15" },
	{ "Scalar Values", "x := null", "null" },
	{ "Scalar Values", "x := true", "true" },
	{ "Scalar Values", "x := false", "false" },
	{ "Scalar Values", "x := 01", "!2:6: a number must not begin with 0" },
	{ "Strings", "x := \"a\\tb\\\"c\\\\\"", "\"a\\u0009b\\\"c\\\\\"" },
	{ "Strings", "x := \"\\u0041\\u00e9\"", "\"A\xc3\xa9\"" },
	{ "Strings", "x := \"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
	{ "Strings", "x := \"\\ud83d\"", "!2:13: half of a surrogate pair" },
	{ "Strings", "x := \"\\q\"", "!2:7: unknown escape" },
	{ "Strings", "x := \"abc", "!2:6: a string without its end" },
	{ "Strings", "x := `a\\tb\"`", "\"a\\\\tb\\\"\"" },
	{ "Strings", "x := `two\nlines`", "\"two\\u000alines\"" },
	{ "Comments", "# nothing\nx := 1 # one\n# end", "1" },

	/* ---- Composite values ---- */
	{ "Arrays", "x := [1, \"a\", [true]]", "[1, \"a\", [true]]" },
	{ "Arrays", "x := [1, 2,]", "[1, 2]" },
	{ "Objects", "x := {\"b\": 1, \"a\": [2]}", "{\"a\": [2], \"b\": 1}" },
	{ "Objects", "x := {}", "{}" },
	{ "Objects", "x := {\"a\": 1, \"a\": 2}", "!2:6: a key has two values" },
	{ "Sets", "x := {3, 1, 2, 1}", "{1, 2, 3}" },
	{ "Sets", "x := set()", "set()" },
	{ "Sets", "x if { {1, 2} == {2, 1} }", "true" },
	{ "Sets", "x if [1, 2] == [2, 1]", NULL },
	{ "Sets", "x := {1, 2} | {3}", "{1, 2, 3}" },
	{ "Sets", "x := {1, 2} & {2, 3}", "{2}" },
	{ "Sets", "x := {1, 2} - {2}", "{1}" },
	{ "Sets", "x if { {1} == [1] }", NULL },
	{ "Sets", "x := count({1, 1, 2})", "2" },
	{ "Sets", "x if count({}) == 0", "true" },

	/* ---- Variables ---- */
	{ "Variables", "x if { y := 1; y == 1 }", "true" },
	{ "Variables", "x if { y := 1\n y == 2 }", NULL },
	{ "Variables", "x := y if { y := [1, 2][1] }", "2" },
	{ "Variables", "x if { y := 1; y := 2 }", "!2:16: var y assigned above" },
	{ "Variables", "x if { y == 1; y := 1 }", "!2:8: var y referenced above" },
	{ "Variables", "y := 5\nx if { y := 1; y == 1 }", "true" },
	{ "Variables", "input := 5\nx if { true }", "!2:1: a rule must not be called input" },
	{ "Variables", "x := z", "!2:6: var z is unsafe" },
	{ "Variables", "x if { y > 1 }", "!2:8: var y is unsafe" },
	{ "Variables", "x if { not y; true }", "!2:12: var y is unsafe" },
	{ "Variables", "x if { y = z; z > 1 }", "!2:" },
	{ "Variables", "x if { a > 1; a = 2 }", "true" },
	{ "Variables", "x if { a = 2; a > 1 }", "true" },
	{ "Variables", "x if { b = a; a = 2; b == 2 }", "true" },
	{ "Variables", "x contains a if { a = [1, 2][_] }", "{1, 2}" },
	{ "Variables", "x if { some y; [1, 2][y] == 2; y == 1 }", "true" },
	{ "Variables", "x if { some y; y == 1 }", "!2:16: var y is unsafe" },
	{ "Variables", "x := [y, z] if { [y, z] := [1, 2] }", "[1, 2]" },
	{ "Variables", "x := y if { {\"a\": y} := {\"a\": 3} }", "3" },
	{ "Variables", "x if { {\"a\": 1} = {\"a\": 1, \"b\": 2} }", NULL },
	{ "Variables", "x if { [1, y] = [z, 2]; y == 2; z == 1 }", "true" },
	{ "Variables", "x if { [_, _] = [1, 2] }", "true" },

	/* ---- References ---- */
	{ "References", "x := input.dport", "443" },
	{ "References", "x := input[\"dport\"]", "443" },
	{ "References", "x := input.ancestors[1]", "\"npm\"" },
	{ "References", "x := input.ancestors[2]", NULL },
	{ "References", "x := input.ancestors[-1]", NULL },
	{ "References", "x := input.ancestors[0.5]", NULL },
	{ "References", "x := input.missing", NULL },
	{ "References", "x := input.dport.deep", NULL },
	{ "References", "x if input.ancestors[_] == \"npm\"", "true" },
	{ "References", "x if input.ancestors[_] == \"node\"", NULL },
	{ "References", "x contains i if input.ancestors[i] == \"npm\"", "{1}" },
	{ "References", "x contains k if { some k; {\"a\": 1, \"b\": 1}[k] == 1 }", "{\"a\", \"b\"}" },
	{ "References", "s := {\"a\", \"b\"}\nx := s[\"a\"]", "\"a\"" },
	{ "References", "s := {\"a\", \"b\"}\nx := s[\"c\"]", NULL },
	{ "References", "s := [{\"k\": 1}, {\"k\": 2}, {}]\nx contains v if v := s[_].k", "{1, 2}" },
	{ "References", "x := data.t.y\ny := 7", "7" },
	{ "References", "x := {1: {\"a\": 2}}[1].a", "2" },

	/* ---- Undefined, false ---- */
	{ "Undefined", "x if input.no", NULL },
	{ "Undefined", "x if input.nothing", "true" },
	{ "Undefined", "x if not input.no", "true" },
	{ "Undefined", "x if not input.missing", "true" },
	{ "Undefined", "x if not input.nothing", NULL },
	{ "Undefined", "x if input.missing == input.missing", NULL },
	{ "Undefined", "x if not input.missing == 1", "true" },
	{ "Undefined", "x if input.missing != 1", NULL },
	{ "Undefined", "x := [input.missing]", NULL },
	{ "Undefined", "x if 0", "true" },
	{ "Undefined", "x if \"\"", "true" },
	{ "Undefined", "x := y\ny := false", "false" },
	{ "Undefined", "x := count(1)", NULL },
	{ "Undefined", "x if not startswith(1, \"a\")", "true" },
	{ "Undefined", "x if not count(1) == 0", "true" },
	{ "Undefined", "x := 1 + \"a\"", NULL },
	{ "Undefined", "x := 1 / 0", NULL },

	/* ---- Negation ---- */
	{ "Negation", "p if input.ancestors[_] == \"npm\"\nx if not p", NULL },
	{ "Negation", "p if input.ancestors[_] == \"node\"\nx if not p", "true" },
	{ "Negation", "x if not input.ancestors[_] == \"node\"", "!2:10: var _ is unsafe" },
	{ "Negation", "x if { some a in input.ancestors; not a == \"npm\" }", "true" },
	{ "Negation", "x if { some a in input.ancestors; a != \"npm\" }", "true" },
	{ "Negation", "x if not \"npm\" in input.ancestors", NULL },
	{ "Negation", "x if not true == false", "true" },
	{ "Negation", "x if not not_there\nnot_there if false", "true" },

	/* ---- Rules ---- */
	{ "Complete Definitions", "x := 1 if false", NULL },
	{ "Complete Definitions", "x := 1\nx := 1", "1" },
	{ "Complete Definitions", "x := 1\nx := 2", "!3:1: x has more than one value: 1 and 2" },
	{ "Complete Definitions", "x := 1 if input.dport == 443\nx := 2 if input.dport == 80", "1" },
	{ "Incremental Definitions", "x if false\nx if true", "true" },
	{ "Incremental Definitions", "x contains 1\nx contains 2 if true\nx contains 3 if false", "{1, 2}" },
	{ "Generating Sets", "x contains 1 if false", "set()" },
	{ "Generating Sets", "x contains upper(a) if some a in input.ancestors", "{\"NPM\", \"SH\"}" },
	{ "Generating Objects", "x[a] := i if some i, a in input.ancestors", "{\"npm\": 1, \"sh\": 0}" },
	{ "Generating Objects", "x[\"k\"] := i if some i, a in input.ancestors",
	  "!2:1: x has two values for one key" },
	{ "Generating Objects", "y[a] := i if some i, a in input.ancestors\nx := y.npm", "1" },
	{ "Default Keyword", "default x := 5\nx := 1 if false", "5" },
	{ "Default Keyword", "default x := 5\nx := 1 if true", "1" },
	{ "Default Keyword", "default x := false\nx if input.missing", "false" },
	{ "Default Keyword", "default y := false\ny if false\nx if not y", "true" },
	{ "Default Keyword", "default x := 1\ndefault x := 2", "!3:1: a second default" },
	{ "Default Keyword", "default x = false", "false" },
	{ "Else Keyword", "x := 1 if false else := 2 if true", "2" },
	{ "Else Keyword", "x := 1 if true else := 2 if true", "1" },
	{ "Else Keyword", "x := 1 if false else := 2 if false else := 3", "3" },
	{ "Else Keyword", "x := 1 if { false } else := 2 if { false }", NULL },

	/* ---- Functions ---- */
	{ "Functions", "f(a) := a + 1\nx := f(1)", "2" },
	{ "Functions", "f(a) if a == 1\nx if f(1)", "true" },
	{ "Functions", "f(a) if a == 1\nx if f(2)", NULL },
	{ "Functions", "f(a) if a == 1\nx if not f(2)", "true" },
	{ "Functions", "f(1) := \"one\"\nf(2) := \"two\"\nx := f(2)", "\"two\"" },
	{ "Functions", "f(1) := \"one\"\nx := f(3)", NULL },
	{ "Functions", "f(a) := 1 if a > 0\nf(a) := 2 if a < 5\nx := f(7)", "1" },
	{ "Functions", "f(a) := 1 if a > 0\nf(a) := 2 if a < 5\nx := f(3)", "!3:1: f has more than one value" },
	{ "Functions", "f(a) := 1 if a > 5 else := 2\nx := f(3)", "2" },
	{ "Functions", "f(a, b) := [b, a]\nx := f(1, 2)", "[2, 1]" },
	{ "Functions", "f([a, b]) := a + b\nx := f([1, 2])", "3" },
	{ "Functions", "f([a, b]) := a + b\nx := f([1])", NULL },
	{ "Functions", "f(_) := 1\nx := f(\"any\")", "1" },
	{ "Functions", "f(a, a) := 1\nx := f(2, 2)", "1" },
	{ "Functions", "f(a, a) := 1\nx := f(2, 3)", NULL },
	{ "Functions", "f(a) := 1\nx := f(1, 2)", "!3:6: f takes 1 arguments, not 2" },
	{ "Functions", "f(a) := 1\nx := f", "!3:6: \"f\" is a function; call it" },
	{ "Functions", "x := frobnicate(1)", "!2:6: unknown function frobnicate" },
	{ "Functions", "x := startwith(\"a\", \"b\")", "!2:6: unknown function startwith; did you mean startswith?" },
	{ "Functions", "f(input) := input\nx := f(1)", "1" },
	{ "Functions", "f(a) := data.t.g(a)\ng(a) := a * 2\nx := f(4)", "8" },
	{ "Functions", "x := [f(a) | some a in [1, 2]]\nf(a) := a % 2", "[1, 0]" },
	{ "Functions", "f(a) := y if { y := a; true }\nx if { y := 1; f(2) == 2; y == 1 }", "true" },

	/* ---- Some, every, in ---- */
	{ "Some Keyword", "x if { some a in [1, 2]; a == 2 }", "true" },
	{ "Some Keyword", "x contains [i, v] if { some i, v in [\"a\"] }", "{[0, \"a\"]}" },
	{ "Some Keyword", "x contains [k, v] if { some k, v in {\"a\": 1} }", "{[\"a\", 1]}" },
	{ "Some Keyword", "x contains [k, v] if { some k, v in {7} }", "{[7, 7]}" },
	{ "Some Keyword", "x contains b if { some [1, b] in [[1, 2], [3, 4]] }", "{2}" },
	{ "Some Keyword", "y := 1\nx if { some y in [2]; y == 2 }", "true" },
	{ "Some Keyword", "y := 1\nx if { some y; [2][y] == 2; y == 0 }", "true" },
	{ "Some Keyword", "x if { some a in 5 }", NULL },
	{ "Membership and Iteration", "x if 2 in [1, 2]", "true" },
	{ "Membership and Iteration", "x if 2 in {1, 2}", "true" },
	{ "Membership and Iteration", "x if 2 in {\"k\": 2}", "true" },
	{ "Membership and Iteration", "x if \"k\" in {\"k\": 2}", NULL },
	{ "Membership and Iteration", "x := 3 in [1, 2]", "false" },
	{ "Membership and Iteration", "x if not 3 in [1, 2]", "true" },
	{ "Membership and Iteration", "x := 1 in 5", "false" },
	{ "Every Keyword", "x if { every a in [1, 2] { a > 0 } }", "true" },
	{ "Every Keyword", "x if { every a in [1, 2] { a > 1 } }", NULL },
	{ "Every Keyword", "x if { every a in [] { a > 1 } }", "true" },
	{ "Every Keyword", "x if { every i, a in [0, 1] { i == a } }", "true" },
	{ "Every Keyword", "x if { every k, v in {\"a\": \"a\"} { k == v } }", "true" },
	{ "Every Keyword", "x if { every a in input.missing { a } }", NULL },
	{ "Every Keyword", "x if { n := 1; every a in [1] { a == n } }", "true" },
	{ "Every Keyword", "x if { every a in [1] { a == z } }", "!2:30: var z is unsafe" },

	/* ---- Comprehensions ---- */
	{ "Array Comprehensions", "x := [a | some a in [3, 1, 3]]", "[3, 1, 3]" },
	{ "Array Comprehensions", "x := [a | a := [1, 2][_]; a > 1]", "[2]" },
	{ "Array Comprehensions", "x := [1 | false]", "[]" },
	{ "Set Comprehensions", "x := {a | some a in [3, 1, 3]}", "{1, 3}" },
	{ "Object Comprehensions", "x := {k: v | some k, v in [\"a\"]}", "{0: \"a\"}" },
	{ "Object Comprehensions", "x := {1: v | some v in [1, 2]}", "!2:6: a key has two values" },
	{ "Comprehensions", "x := y if { n := 2; y := [a | some a in [1, 2, 3]; a > n] }", "[3]" },
	{ "Comprehensions", "x if { a := 1; [a | a := 2] == [2]; a == 1 }", "true" },
	{ "Comprehensions", "x if count({d | some d in input.domains; endswith(d, \".com\")}) > 0", "true" },
	{ "Comprehensions", "x := [[a, b] | some a in [1, 2]; some b in [3]]", "[[1, 3], [2, 3]]" },

	/* ---- With ---- */
	{ "With Keyword", "p if input.task_name == \"wget\"\nx if p with input.task_name as \"wget\"", "true" },
	{ "With Keyword", "p if input.dport == 443\nx if p with input as {\"task_name\": 1}", NULL },
	{ "With Keyword", "p := data.hosts\nx := y if y := p with data.hosts as [1]", "[1]" },
	{ "With Keyword", "p := 1\nq := p + 1\nx := y if y := q with data.t.p as 5", "6" },
	{ "With Keyword", "p if input.a.b == 1\nx if p with input.a.b as 1", "true" },
	{ "With Keyword", "p if input.no\nx if not p with input.no as false", "true" },
	{ "With Keyword", "p if input.no\nx if { p with input.no as true; not p }", "true" },
	{ "With Keyword", "p if input.no\nx if p with input.no as input.missing", NULL },

	/* ---- Equality, comparison, arithmetic ---- */
	{ "Comparison ==", "x if 1 == 1.0", "true" },
	{ "Comparison ==", "x if \"1\" == 1", NULL },
	{ "Comparison", "x if null < false", "true" },
	{ "Comparison", "x if true < 0", "true" },
	{ "Comparison", "x if 5 < \"\"", "true" },
	{ "Comparison", "x if \"a\" < \"b\"", "true" },
	{ "Comparison", "x if \"z\" < []", "true" },
	{ "Comparison", "x if [1] < [1, 0]", "true" },
	{ "Comparison", "x if { {} < set() }", "true" },
	{ "Comparison", "x if { 2 >= 2; 2 <= 2; not 2 > 2; not 2 < 2; 2 != 3 }", "true" },
	{ "Arithmetic", "x := 1 + 2 * 3 - 4 / 2", "5" },
	{ "Arithmetic", "x := (1 + 2) * 3", "9" },
	{ "Arithmetic", "x := 7 % 4", "3" },
	{ "Arithmetic", "x := 5.5 % 2", NULL },
	{ "Arithmetic", "x if 1 + 1 == 2", "true" },

	/* ---- Built-in functions ---- */
	{ "Built-in: strings", "x := concat(\"-\", [\"a\", \"b\"])", "\"a-b\"" },
	{ "Built-in: strings", "x := concat(\"-\", {\"b\", \"a\"})", "\"a-b\"" },
	{ "Built-in: strings", "x := contains(\"abc\", \"b\")", "true" },
	{ "Built-in: strings", "x := endswith(\"abc\", \"bc\")", "true" },
	{ "Built-in: strings", "x := endswith(\"bc\", \"abc\")", "false" },
	{ "Built-in: strings", "x := startswith(\"abc\", \"ab\")", "true" },
	{ "Built-in: strings", "x := lower(\"AbC\")", "\"abc\"" },
	{ "Built-in: strings", "x := upper(\"aBc\")", "\"ABC\"" },
	{ "Built-in: strings", "x := split(\"a.b.c\", \".\")", "[\"a\", \"b\", \"c\"]" },
	{ "Built-in: strings", "x := split(\"\", \".\")", "[\"\"]" },
	{ "Built-in: strings", "x := replace(\"a.b\", \".\", \"\")", "\"ab\"" },
	{ "Built-in: strings", "x := trim(\"..a.\", \".\")", "\"a\"" },
	{ "Built-in: strings", "x := trim_left(\"..a.\", \".\")", "\"a.\"" },
	{ "Built-in: strings", "x := trim_right(\"..a.\", \".\")", "\"..a\"" },
	{ "Built-in: strings", "x := trim_prefix(\"aab\", \"a\")", "\"ab\"" },
	{ "Built-in: strings", "x := trim_suffix(\"a.\", \".\")", "\"a\"" },
	{ "Built-in: strings", "x := trim_space(\" a \\n\")", "\"a\"" },
	{ "Built-in: strings", "x := sprintf(\"%s:%d %v%%\", [\"a\", 5, [1]])", "\"a:5 [1]%\"" },
	{ "Built-in: strings", "x := sprintf(\"%q\", [1])", "!2:6: sprintf: only" },
	{ "Built-in: strings", "x := strings.any_suffix_match([\"a.b\", \"c\"], {\".b\"})", "true" },
	{ "Built-in: aggregates", "x := count(\"h\xc3\xa9llo\")", "5" },
	{ "Built-in: aggregates", "x := [sum([1, 2]), max([1, 3]), min({1, 3})]", "[3, 3, 1]" },
	{ "Built-in: aggregates", "x := max([])", NULL },
	{ "Built-in: aggregates", "x := [any([false, true]), any([]), all([true, false]), all([])]",
	  "[true, false, false, true]" },
	{ "Built-in: conversions", "x := to_number(\"12\") + to_number(true)", "13" },
	{ "Built-in: conversions", "x := to_number(\"twelve\")", NULL },
	{ "Built-in: arrays", "x := array.concat([1], [2])", "[1, 2]" },
	{ "Built-in: objects", "x := object.get({\"a\": 1}, \"a\", 0)", "1" },
	{ "Built-in: objects", "x := object.get({\"a\": 1}, \"b\", 0)", "0" },
	{ "Built-in: objects", "x := object.get({\"a\": {\"b\": 2}}, [\"a\", \"b\"], 0)", "2" },
	{ "Built-in: types", "x if { is_string(\"\"); is_number(1); is_null(null); is_set({1}) }", "true" },
	{ "Built-in: types", "x if not is_string(1)", "true" },
	{ "Built-in: net", "x := net.cidr_contains(\"10.0.0.0/8\", \"10.1.2.3\")", "true" },
	{ "Built-in: net", "x := net.cidr_contains(\"10.0.0.0/8\", \"11.1.2.3\")", "false" },
	{ "Built-in: net", "x := net.cidr_contains(\"10.0.0.0/8\", \"10.1.0.0/16\")", "true" },
	{ "Built-in: net", "x := net.cidr_contains(\"::/0\", \"10.1.2.3\")", "false" },
	{ "Built-in: net", "x := net.cidr_contains(\"2001:db8::/32\", \"2001:db8::1\")", "true" },
	{ "Built-in: net", "x := net.cidr_contains(\"10.0.0.0/8\", \"no address\")", NULL },
	{ "Built-in: net", "x := net.cidr_contains_matches([\"10.0.0.0/8\", \"11.0.0.0/8\"], \"10.1.2.3\")",
	  "{[0, \"10.1.2.3\"]}" },
	{ "Built-in: net", "x := net.cidr_contains_matches({\"10.0.0.0/8\"}, {\"10.1.2.3\"})",
	  "{[\"10.0.0.0/8\", \"10.1.2.3\"]}" },
	{ "Built-in: regex", "x := regex.match(`^npm[0-9]+$`, \"npm12\")", "true" },
	{ "Built-in: regex", "x := regex.match(`b`, \"abc\")", "true" },
	{ "Built-in: regex", "x := regex.match(`^b`, \"abc\")", "false" },
	{ "Built-in: regex", "x := regex.match(`^(a|bc)*d?$`, \"abcabcd\")", "true" },
	{ "Built-in: regex", "x := regex.match(`^a{2,3}$`, \"aaaa\")", "false" },
	{ "Built-in: regex", "x := regex.match(`^(\\w+\\.)?github\\.com$`, \"api.github.com\")", "true" },
	{ "Built-in: regex", "x := regex.match(`^(\\w+\\.)?github\\.com$`, \"evil-github.com\")", "false" },
	{ "Built-in: regex", "x := regex.match(`(a*)*b`, \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac\")", "false" },
	{ "Built-in: regex", "x := regex.match(`(a`, \"a\")", "!2:6: the pattern \"(a\" has a ( without )" },
	{ "Built-in: glob", "x := glob.match(\"*.github.com\", [], \"api.github.com\")", "true" },
	{ "Built-in: glob", "x := glob.match(\"*.github.com\", [], \"a.b.github.com\")", "false" },
	{ "Built-in: glob", "x := glob.match(\"**.github.com\", [], \"a.b.github.com\")", "true" },
	{ "Built-in: glob", "x := glob.match(\"*.github.com\", null, \"a.b.github.com\")", "true" },
	{ "Built-in: glob", "x := glob.match(\"{npm,yar?}\", null, \"yarn\")", "true" },
	{ "Built-in: glob", "x := glob.match(\"*:443\", [\":\"], \"host:443\")", "true" },

	/* ---- Modules ---- */
	{ "Modules", "x := 1\nx if", "!4:1: the file ends where a value should be" },
	{ "Modules", "x if { 1 2 }", "!2:10: expected an operator, or a new line" },
	{ "Modules", "x := 1 y := 2", "!2:8: expected a new line" },
	{ "Modules", "x { true }", "!2:3: \"if\" must stand before a rule's body" },
	{ "Modules", "x[1] { true }", "!2:1: \"contains\" must stand in a set's rule" },
	{ "Modules", "x if { }", "!2:8: expected a value" },
	{ "Modules", "x if true\nx contains 1", "!3:1: \"x\" is a rule of another kind" },
	{ "Recursion", "x if x", "!2:1: rule x is recursive" },
	{ "Recursion", "x if y\ny if z\nz if not x", "!2:1: rule x is recursive" },
	{ "Recursion", "f(a) := f(a)\nx := f(1)", "!2:1: rule f is recursive" },
	{ "Recursion", "x if data.t[_]", "!2:1: rule x is recursive" },
};

/* v0: neither keywords nor imports. */
static const struct example v0_examples[] = {
	{ "v0", "x { true }", "true" },
	{ "v0", "x = 1 { true }", "1" },
	{ "v0", "x[1] { true }", "{1}" },
	{ "v0", "x[a] { a := input.ancestors[_] }", "{\"npm\", \"sh\"}" },
	{ "v0", "x[a] = i { a := input.ancestors[i] }", "{\"npm\": 1, \"sh\": 0}" },
	{ "v0", "x { false } { true }", "true" },
	{ "v0", "f(a) = b { b := a }\nx = f(3)", "3" },
	{ "v0", "x { input.no } else = 2 { true }", "2" },
	{ "v0", "x := 1 if true", "1" },
	{ "v0", "default x = false\nx { input.dport == 80 }", "false" },
	{ "v0", "import input.task_name\nx = task_name", "\"curl\"" },
	{ "v0", "import data.t.f as g\nf(a) = a\nx = g(4)", "4" },
	{ "v0", "import data.t as lib\nf(a) = a\nx = lib.f(4)", "4" },
	{ "v0", "import future.keywords.in\nx { \"npm\" in input.ancestors }", "true" },
};

static void report(bool good, const char *section, const char *text, const char *got)
{
	const char *c;

	printf("%sok %d - %s: ", good ? "" : "not ", ++tests, section);
	for (c = text; *c; c++)
		putchar(*c == '\n' || *c == '#' ? ' ' : *c);
	putchar('\n');
	if (!good)
		printf("# got: %s\n", got ? got : "undefined");
	failures += !good;
}

static char *value_of(const char *module, FILE *err)
{
	struct rego *r = rego_new();
	char *value = NULL;

	if (!rego_add(r, "t.rego", module, strlen(module), err) && !rego_check(r, err))
		value = rego_value(r, "data.t.x", INPUT, err);
	rego_free(r);
	return value;
}

static void run(const struct example *e, const char *before)
{
	char module[1024], *said, *value, want[512] = "t.rego:";
	bool good;
	size_t len;
	FILE *err = open_memstream(&said, &len);

	snprintf(module, sizeof(module), "%s%s\n", before, e->text);
	value = value_of(module, err);
	fclose(err);
	if (e->want && e->want[0] == '!') {
		strncat(want, e->want + 1, sizeof(want) - 8);
		good = !value && !strncmp(said, want, strlen(want));
	} else {
		good = !len && (e->want ? value && !strcmp(value, e->want) : !value);
	}
	report(good, e->section, e->text, len ? said : value);
	free(said);
	free(value);
}

/* ---- What must end, whatever it is ---- */

static void hostile(const char *name, const char *open, const char *middle, const char *close,
		    size_t n)
{
	char *text, *value, *said;
	size_t len, i;
	FILE *f = open_memstream(&text, &len), *err;

	fputs("package t\n", f);
	for (i = 0; i < n; i++)
		fputs(open, f);
	fputs(middle, f);
	for (i = 0; i < n; i++)
		fputs(close, f);
	fclose(f);
	err = open_memstream(&said, &len);
	value = value_of(text, err);
	fclose(err);
	report(!value && len, "Bounds", name, said);
	free(value);
	free(text);
	free(said);
}

static void test_hostile(void)
{
	char *text, *value, *said;
	size_t len, i;
	FILE *f, *err;

	hostile("arrays in arrays", "x := [", "", "]", 100000);
	hostile("parentheses", "x := (", "1", ")", 100000);
	hostile("a sum of 100,000 terms", "", "x := 1", " + 1", 100000);
	hostile("calls in calls", "count(", "1", ")", 100000);
	hostile("comprehensions in comprehensions", "x := [1 | ", "true", "]", 100000);
	hostile("else upon else", "", "x := 1 if false", " else := z if false", 100000);

	f = open_memstream(&text, &len);
	fputs("package t\nn := [1,2,3,4,5,6,7,8,9,10]\nx if { ", f);
	for (i = 0; i < 12; i++)
		fprintf(f, "some v%zu in n; ", i);
	fputs("v0 + v11 == 100 }\n", f);
	fclose(f);
	err = open_memstream(&said, &len);
	value = value_of(text, err);
	fclose(err);
	report(!value && len, "Bounds", "ten to the twelfth ways", said);
	free(value);
	free(text);
	free(said);
}

int main(void)
{
	size_t i;

	for (i = 0; i < sizeof(examples) / sizeof(*examples); i++)
		run(&examples[i], "package t import rego.v1\n");
	for (i = 0; i < sizeof(v0_examples) / sizeof(*v0_examples); i++)
		run(&v0_examples[i], "package t\n");
	test_hostile();
	printf("1..%d\n", tests);
	return failures > 0;
}
