package t

import rego.v1
import data.lib as l

default y := false

y if {
	some i, a in input.ancestors
	a in {"npm", "yarn"}
	not f(a)
	every b in [1, 2] { b > 0 }
}

f(a) := {"k": [b | b := a]} if startswith(a, "x") else := false

s contains concat(".", ["a", x]) if x := "b"

x if regex.match(`^(a|b)+$`, input.task_name)

test_y if y with input.ancestors as ["npm"]
