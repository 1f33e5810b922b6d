package kntrl

import rego.v1

package_managers := {"npm", "pnpm", "yarn"}

installs if {
	some ancestor in input.ancestors
	ancestor in package_managers
}

installs if input.task_name in package_managers

# What a worm calls home with has no business under a package manager.
ancestry_denied if {
	installs
	input.task_name in {"curl", "wget", "nc", "bash"}
}
