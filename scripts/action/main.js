// SPDX-License-Identifier: Apache-2.0
// Makes a policy of the inputs and starts kntrl under it.
"use strict";

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { input, tell, fail, without_commands, run } = require("./runner.js");

const REPOSITORY = path.resolve(__dirname, "../..");

// ---- The policy ----

function words(name, between = /[\s,]+/) {
	return input(name).split(between).map((word) => word.trim()).filter(Boolean);
}

function truth(name) {
	const value = input(name).toLowerCase();

	if (value && value !== "true" && value !== "false")
		throw new Error(`${name}: "${value}" is not true or false`);
	return value ? value === "true" : undefined;
}

function list(name) {
	let value;

	if (!input(name))
		return [];
	try {
		value = JSON.parse(input(name));
	} catch (why) {
		throw new Error(`${name}: not JSON: ${why.message}`);
	}
	if (!Array.isArray(value))
		throw new Error(`${name}: not a list of objects`);
	return value;
}

// Without the keys that nothing was said about.
function said(keys) {
	const of = Object.entries(keys).filter(([, value]) =>
		value !== undefined && !(Array.isArray(value) && !value.length));

	return of.length ? Object.fromEntries(of) : undefined;
}

function file_rules() {
	const lines = /[\n,]+/;
	const rules = said({
		monitored_paths: words("extra_monitored_paths", lines),
		protected_paths: words("extra_protected_paths", lines),
		monitored_env_vars: words("extra_monitored_env_vars"),
	});

	return rules && { enabled: true, ...rules };
}

function policy() {
	return said({
		version: "1",
		rules: said({
			network: said({
				allowed_hosts: words("allowed_hosts"),
				allowed_ips: words("allowed_ips"),
				allow_local_ranges: truth("allow_local_ranges"),
				allow_github_meta: truth("allow_github_meta"),
				allow_metadata: truth("allow_metadata"),
				profiles: list("network_profiles"),
			}),
			process: said({
				blocked_chains: list("extra_blocked_chains"),
				blocked_executables: words("extra_blocked_executables"),
			}),
			file: file_rules(),
		}),
	});
}

function copy_rules(from, to) {
	for (const name of fs.readdirSync(from))
		if (/\.(yaml|yml|rego)$/.test(name))
			fs.copyFileSync(path.join(from, name), path.join(to, name));
}

// JSON is YAML. The inputs' file is read last, so that what they say wins.
function rules_directory() {
	const dir = fs.mkdtempSync(path.join(process.env.RUNNER_TEMP || os.tmpdir(), "kntrl-"));

	if (input("custom_rules_dir"))
		copy_rules(input("custom_rules_dir"), dir);
	if (input("custom_rego_file"))
		fs.copyFileSync(input("custom_rego_file"), path.join(dir, "custom.rego"));
	fs.writeFileSync(path.join(dir, "~inputs.yaml"), `${JSON.stringify(policy(), null, 2)}\n`);
	return dir;
}

// ---- The program ----

function on_path() {
	return (process.env.PATH || "").split(":").map((dir) => path.join(dir, "kntrl"))
		.find((file) => {
			try {
				fs.accessSync(file, fs.constants.X_OK);
				return true;
			} catch {
				return false;
			}
		});
}

function build() {
	const step = (program, ...args) => {
		const { status } = spawnSync(program, args, { cwd: REPOSITORY, stdio: "inherit" });

		if (status !== 0)
			throw new Error(`${program} ${args.join(" ")}: status ${status}`);
	};

	console.log("::group::Building kntrl");
	step("scripts/setup", "build");
	step("make", `-j${os.cpus().length}`, "programs");
	console.log("::endgroup::");
	return path.join(REPOSITORY, "build/kntrl");
}

// ---- The step ----

function start() {
	const kntrl = input("kntrl_path") || on_path() || build();
	const output = input("output_file") || "/tmp/kntrl.out";
	const args = ["start", "--daemonize", "--rules-dir", rules_directory(), "-o", output];
	let status, printed;

	if (input("mode"))
		args.push("--mode", input("mode"));
	if (input("custom_rules_file"))
		args.push("--rules-file", path.resolve(input("custom_rules_file")));
	// A policy that protects itself has a token, which comes by standard output.
	without_commands(() =>
		({ status, output: printed } = run(kntrl, ["--token-file", "/dev/fd/1", ...args], false)));
	if (status !== 0)
		throw new Error(`kntrl start: status ${status}; the log says why. Nothing is guarded`);
	tell("GITHUB_STATE", "kntrl", kntrl);
	tell("GITHUB_STATE", "token", (/^[0-9a-f]{64}$/m.exec(printed) || [""])[0]);
	tell("GITHUB_OUTPUT", "report_file", output);
}

try {
	start();
} catch (why) {
	fail(why.message);
}
