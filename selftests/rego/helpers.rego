package kntrl

import rego.v1

is_host(name, pattern) if name == trim_prefix(pattern, ".")

is_host(name, pattern) if endswith(name, concat("", [".", trim_prefix(pattern, ".")]))

# A chain holds when the process is the one named and all of the ancestors are there.
ancestry_denied if {
	some chain in data.blocked_process_chains
	input.task_name == chain.process
	every ancestor in chain.ancestors {
		ancestor in input.ancestors
	}
}

is_package_manager if {
	some ancestor in input.ancestors
	ancestor in {"npm", "pnpm", "yarn", "pip"}
}
