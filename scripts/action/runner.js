// SPDX-License-Identifier: Apache-2.0
// What an action says to its runner, and how it runs programs. Nothing but node.
"use strict";

const { spawnSync } = require("node:child_process");
const { randomBytes } = require("node:crypto");
const fs = require("node:fs");

function input(name) {
	return (process.env[`INPUT_${name.toUpperCase()}`] || "").trim();
}

// In the file that the runner names: an output, or state for the post step.
function tell(file, name, value) {
	if (!process.env[file])
		return;
	const end = `end-${randomBytes(16).toString("hex")}`;
	fs.appendFileSync(process.env[file], `${name}<<${end}\n${value}\n${end}\n`);
}

function fail(why) {
	const text = why.replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A");
	console.log(`::error title=kntrl::${text}`);
	process.exitCode = 1;
}

// What a program prints may hold what a job's processes made up, lines that the runner
// would take for commands among it: it takes none until it sees the token.
function without_commands(print) {
	const token = randomBytes(16).toString("hex");
	console.log(`::stop-commands::${token}`);
	try {
		print();
	} finally {
		console.log(`\n::${token}::`);
	}
}

// As root. "show": its output goes to the log, else it is returned.
function run(program, args, show, said = "") {
	const sudo = process.getuid() === 0 ? [] : ["sudo", "-n"];
	const line = [...sudo, program, ...args];
	const ended = spawnSync(line[0], line.slice(1), {
		encoding: "utf8",
		maxBuffer: 64 << 20,
		input: said,
		stdio: ["pipe", show ? "inherit" : "pipe", "inherit"],
	});

	if (ended.error)
		throw new Error(`${line[0]}: ${ended.error.message}`);
	return { status: ended.status, output: ended.stdout || "" };
}

module.exports = { input, tell, fail, without_commands, run };
