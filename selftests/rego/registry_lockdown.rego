package kntrl.network["registry_lockdown"]

# Written for v0: neither "if" nor "contains".

exfiltration = {".webhook.site", ".requestbin.net", ".ngrok.io", ".pastebin.com"}

registries["registry.npmjs.org"]
registries["registry.yarnpkg.com"]

leaks {
	endswith(input.domains[_], exfiltration[_])
}

policy {
	data.kntrl.is_package_manager
	registries[input.domains[_]]
	input.dport == 443
	not leaks
}
